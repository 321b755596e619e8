/** `fineTune` for pages: a classifier learns the classes of a few pictures, without leaving the page. */
import type { FineTuned, FineTuneOptions } from "../fine-tuning/options.js";
import { tunedClassifier } from "../fine-tuning/tuned-classifier.js";
import { type ImageClassifier, webClassifier } from "./classifier.js";
import type { ImageInput } from "./image.js";

/** A fine-tuned classifier, and how its training went. */
export interface FineTunedClassifier extends FineTuned {
  /** Classifies with the new classes. It holds memory until `close()`. */
  readonly classify: ImageClassifier;
  /** The same as `classify.close()`. */
  close(): Promise<void>;
}

/**
 * Trains an open classifier on other classes, each with its pictures: a few dozen suffice. The body of the model is kept
 * and its head fitted, or, with `blocks`, its last blocks are trained too. The classifier that it begins with stays
 * open, and as it was. Throws UsageError for too few classes or pictures, InterruptedError when the signal is aborted.
 *
 * ```js
 * import { classifier, fineTune } from "deit/web";
 *
 * const base = await classifier({ model: "deit_tiny_patch16_224", weights: "model.safetensors" });
 * const pictures = { cat: ["cat-1.jpg", "cat-2.jpg"], dog: ["dog-1.jpg", "dog-2.jpg"] };
 * const tuned = await fineTune(base, pictures, { blocks: 2, onEvent: (event) => console.log(event.kind) });
 * console.log(tuned.heldOut?.top1, await tuned.classify("cat-3.jpg"));
 * ```
 */
export async function fineTune(
  base: ImageClassifier,
  pictures: Readonly<Record<string, readonly ImageInput[]>>,
  options: FineTuneOptions = {},
): Promise<FineTunedClassifier> {
  return tunedClassifier(base, pictures, options, (parts, { training }) =>
    webClassifier(parts, base.backend, training),
  );
}
