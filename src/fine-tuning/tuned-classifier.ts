/** A fine-tuned model as a classifier that is called, on the engine of the one that it began with. */
import { type CalledParts, partsOf } from "../evaluation/called-classifier.js";
import { Classifier } from "../evaluation/classifier.js";
import { overModel } from "../evaluation/opened-classifier.js";
import { fineTuned } from "./fine-tune.js";
import type { FineTuned, FineTuneOptions } from "./options.js";

/** How the classifiers of Node or of pages are made of their parts. */
type Face<Input, Called> = (parts: CalledParts<Input>, tuned: FineTuned) => Called;

/** Fine-tunes `base`, which `classifier` opened, and opens the result as `face` makes it. Throws a DeitError. */
export async function tunedClassifier<Input, Called extends { close(): Promise<void> }>(
  base: object,
  given: Readonly<Record<string, readonly Input[]>>,
  options: FineTuneOptions,
  face: Face<Input, Called>,
): Promise<FineTuned & { readonly classify: Called; close(): Promise<void> }> {
  const parts = partsOf<Input>(base, "fineTune");
  return parts.during(async () => {
    const tuned = await fineTuned(parts, given, options);
    const { model, weights, view, classes } = tuned;
    const made = await Classifier.create({ engine: parts.engine.engine, model }, weights);
    const classify = face({ ...parts, opened: { ...overModel(made, weights), view, classes, notes: [] } }, tuned);
    return { ...tuned, classify, close: () => classify.close() };
  });
}
