/** The meaning of the outputs of initial weights, compared with the classes to be trained. */
import type { DescribedWeights } from "../../evaluation/described-weights.js";
import { matchOutputs } from "../../evaluation/output-names.js";
import { withHeadRows } from "../../models/head-rows.js";
import type { Model } from "../../models/model.js";
import { classesOfHead, headParameters } from "../../models/parts.js";
import { usualClasses } from "../../models/usual-classes.js";
import type { NamedTensors } from "../../tensor/index.js";

/**
 * The tensors with a head for `classes`: their own if it is known to be of the same classes, with rows reordered;
 * otherwise none, and the head is reinitialised. A head for equally many other classes would only seem to fit.
 */
export function withKnownHead(
  tensors: NamedTensors,
  { classes: names }: DescribedWeights,
  model: Model,
  classes: readonly string[],
  onNote?: (sentence: string) => void,
): NamedTensors {
  const rows = classesOfHead(model, tensors);
  if (rows === undefined || rows !== classes.length) return tensors;
  const known = names ?? usualClasses({ name: model.name, classes: rows });
  const match = known && matchOutputs(classes, known);
  if (match?.kind === "same") return tensors;
  if (match?.kind === "matched" && match.by === "name") return withHeadRows(model, tensors, match.indices);
  onNote?.(
    `The head starts over: the weights know as many classes as the data (${rows}), but ${known ? "other ones" : "do not say which"}.`,
  );
  const heads = headParameters(model);
  return new Map([...tensors].filter(([name]) => !heads.has(name)));
}
