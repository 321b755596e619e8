/** How the classes of data are matched with a model's outputs. */
import { hasOneOrder, isIndex, mismatch, naturalOrder } from "../data/dataset/class-matching.js";
import { type Dataset, relabelled } from "../data/dataset/dataset.js";
import { UsageError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { sentence, setting, way } from "../errors/sentence.js";
import type { Model } from "../models/model.js";
import { usualClasses } from "../models/usual-classes.js";
import { matchOutputs } from "./output-names.js";

/**
 * Why the data's class order cannot be assumed for unnamed outputs, as the middle of a sentence; undefined if it can.
 */
export function orderInDoubt(classes: readonly string[]): string | undefined {
  if (hasOneOrder(classes)) return undefined;
  const natural = naturalOrder(classes);
  const at = classes.findIndex((name, i) => name !== natural[i]);
  return `output ${at} is ${quoted(classes[at])} if its training sorted the classes letter by letter (torchvision, deit), but ${quoted(natural[at])} if it sorted them naturally (timm)`;
}

export interface Labelled {
  /** Labelled by the model's outputs. */
  readonly dataset: Dataset;
  /** Notes on assumptions. */
  readonly notes: readonly string[];
}

/**
 * The data with the outputs of a model as its classes. `named` are the names of the outputs; if they are not given,
 * ImageNet's for a well-known model with as many outputs, and otherwise the data's own, if their order is unambiguous.
 * Folders named by numbers are indices of the outputs. Throws UsageError if the output of a class cannot be determined.
 */
export function labelledFor(
  dataset: Dataset,
  model: Pick<Model, "name" | "classes">,
  named: readonly string[] | undefined,
): Labelled {
  const { classes, name } = dataset;
  const outputs = named ?? usualClasses(model);
  if (outputs) {
    const match = matchOutputs(classes, outputs);
    if (match.kind === "same") return { dataset: relabelled(dataset, outputs), notes: [] };
    if (match.kind === "matched") {
      const notes = match.by === "number" ? [numbered(name, outputs)] : [];
      return { dataset: relabelled(dataset, outputs, match.indices), notes };
    }
    const why = named
      ? way`; name the outputs as the data does, in a file with ${setting("classes")}`
      : sentence`; the weights do not name their outputs, so they were taken for ImageNet's${way`: name them with ${setting("classes")}`}`;
    // The same number of classes with different names may still be the model's own, in the data's order.
    if (named || match.kind !== "unknown" || classes.length !== outputs.length)
      throw new UsageError(
        sentence`The classes of "${name}" are not among those of "${model.name}": ${mismatch(match, outputs)!}${why}.`,
      );
  }
  return unnamed(dataset, model);
}

function unnamed(dataset: Dataset, model: Pick<Model, "name" | "classes">): Labelled {
  const { classes, name } = dataset;
  const count = model.classes;
  if (classes.every(isIndex) && classes.every((c) => Number(c) < count)) {
    const outputs = Array.from({ length: count }, (_, i) => String(i));
    return {
      dataset: relabelled(dataset, outputs, Int32Array.from(classes, Number)),
      notes: [numbered(name, outputs)],
    };
  }
  if (classes.length !== count)
    throw new UsageError(
      sentence`"${name}" has ${classes.length} classes, but the model "${model.name}" has ${count} and does not name them${way`; name them with ${setting("classes")}`}.`,
    );
  const doubt = orderInDoubt(classes);
  if (doubt)
    throw new UsageError(
      sentence`The weights of "${model.name}" do not name their ${count} outputs, and the order of the classes of "${name}" is in doubt: ${doubt}${way`; name the outputs in their order with ${setting("classes")}`}.`,
    );
  return { dataset, notes: [] };
}

const numbered = (name: string, { length }: readonly string[]): string =>
  `The classes of "${name}" are numbers; they are treated as indices of the model's outputs, 0 to ${length - 1}.`;
