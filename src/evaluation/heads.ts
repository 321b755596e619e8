/** The logits of all heads at once: of a model's class token, its distillation token, and both. */
import { decisionLogits, type Head, headsOf } from "../models/context.js";
import type { Model } from "../models/model.js";
import type { HostTensor } from "../tensor/index.js";
import type { Derive } from "./probe.js";

/** `[batch, classes]` under the name of each head of the model; for a probe. */
export const headLogits =
  (model: Model): Derive =>
  ({ output }) =>
    Object.fromEntries(headsOf(model).map((head) => [head, decisionLogits(output, head)]));

/** The logits of one image of a batch by one head. */
export function logitsAt(values: ReadonlyMap<string, HostTensor>, head: Head, slot: number): Float32Array {
  const { data, shape } = values.get(head)!;
  return (data as Float32Array).subarray(slot * shape[1], (slot + 1) * shape[1]);
}
