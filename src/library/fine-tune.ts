/** `fineTune`: a classifier learns the classes of a few images in seconds, without a run folder. */
import type { FineTuned, FineTuneOptions } from "../fine-tuning/options.js";
import { tunedClassifier } from "../fine-tuning/tuned-classifier.js";
import { type ImageClassifier, libraryClassifier } from "./classifier.js";
import type { ImageInput } from "./image.js";

/** A fine-tuned classifier, and how its training went. */
export interface FineTunedClassifier extends FineTuned {
  /** Classifies with the new classes. It holds memory until `close()`. */
  readonly classify: ImageClassifier;
  /** The same as `classify.close()`. */
  close(): Promise<void>;
}

/**
 * Trains an open classifier on other classes, each with its images: a few dozen suffice. The body of the model is kept and
 * its head fitted, or, with `blocks`, its last blocks are trained too. It computes what `fineTune` of deit/web computes in
 * a page; `train` is for more images, and keeps a run. The classifier that it begins with stays open, and as it was.
 * Throws UsageError for too few classes or images, InterruptedError when the signal is aborted.
 *
 * @example
 * ```ts
 * import { classifier, fineTune } from "deit";
 *
 * await using base = await classifier("runs/photos"); // or "deit_tiny_patch16_224"
 * const tuned = await fineTune(base, { meow: ["cat.jpg"], woof: ["dog.jpg"] }, { augment: 4 });
 * console.log(tuned.heldOut?.confusion, await tuned.classify("cat.jpg"));
 * await tuned.close();
 * ```
 */
export async function fineTune(
  base: ImageClassifier,
  images: Readonly<Record<string, readonly ImageInput[]>>,
  options: FineTuneOptions = {},
): Promise<FineTunedClassifier> {
  return tunedClassifier(base, images, options, (parts) => libraryClassifier(parts));
}
