/** The head alone: fitted to what it reads of the examples, and its answers. */
import type { Engine } from "../engines/engine.js";
import type { Model } from "../models/model.js";
import { headNames } from "../models/parts.js";
import type { NamedTensors } from "../tensor/index.js";
import { type FittedHeads, fitLinearHeads } from "../training/head/heads.js";
import type { SeenExample } from "./features.js";
import type { Answers } from "./measured.js";

/** Fits all heads of the model to all views of the examples. */
export function fitHead(
  engine: Engine,
  model: Model,
  examples: readonly SeenExample[],
  signal: AbortSignal | undefined,
): Promise<FittedHeads> {
  const rows = examples.flatMap(({ label, views }, group) => views.map(({ heads }) => ({ label, group, heads })));
  const heads = headNames(model).map((name, nth) => {
    const width = rows[0].heads[nth].length;
    const features = new Float32Array(rows.length * width);
    for (const [i, row] of rows.entries()) features.set(row.heads[nth], i * width);
    return { name, width, features };
  });
  const labels = Int32Array.from(rows, (row) => row.label);
  const groups = Int32Array.from(rows, (row) => row.group);
  return fitLinearHeads(engine, heads, { labels, groups, classes: model.classes, signal });
}

/** Logits of the examples' own views: the mean over the heads, as the model decides. */
export function headAnswers(model: Model, tensors: NamedTensors, examples: readonly SeenExample[]): Answers {
  const heads = headNames(model).map((name) => {
    const of = (part: string) => tensors.get(`${name}.${part}`)!.data as Float32Array;
    return { weight: of("weight"), bias: of("bias") };
  });
  const logits = examples.map(({ views: [own] }) => {
    const sum = new Float32Array(model.classes);
    for (const [nth, { weight, bias }] of heads.entries()) {
      const read = own.heads[nth];
      for (let c = 0; c < sum.length; c++) {
        let logit = bias[c];
        for (let j = 0; j < read.length; j++) logit += weight[c * read.length + j] * read[j];
        sum[c] += logit / heads.length;
      }
    }
    return sum;
  });
  return { logits, labels: examples.map(({ label }) => label) };
}
