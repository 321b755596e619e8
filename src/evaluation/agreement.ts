/** How often the predictions of classifiers differ (paper, table 4). */
import type { Dataset } from "../data/dataset/dataset.js";
import { UsageError } from "../errors/errors.js";
import { type Head, headsOf } from "../models/context.js";
import { requireFiniteLogits } from "../models/finite.js";
import { logitsAt } from "./heads.js";
import { topK } from "./metrics.js";
import { type Looker, type PassOptions, passOverAll } from "./pass.js";
import type { Probe } from "./probe.js";

/** A class for each image of a dataset. */
export interface Decisions {
  /** Name of the classifier, and of its head if there are several. */
  readonly name: string;
  /** Index of the chosen class for each image. */
  readonly classes: Int32Array;
}

/**
 * Share of images on which the predictions of each pair differ: symmetric, zeros on the diagonal.
 *
 * @example
 * ```ts
 * import { disagreement } from "deit";
 *
 * const one = { name: "one", classes: Int32Array.of(0, 1, 1, 0) };
 * const other = { name: "other", classes: Int32Array.of(0, 1, 0, 0) };
 * console.log(disagreement([one, other])[0][1]); // 0.25
 * ```
 */
export function disagreement(all: readonly Decisions[]): number[][] {
  const images = all[0]?.classes.length ?? 0;
  const uneven = all.find((d) => d.classes.length !== images);
  if (uneven)
    throw new UsageError(
      `"${uneven.name}" has predictions for ${uneven.classes.length} images and "${all[0].name}" for ${images}; compare predictions on the same images.`,
    );
  return all.map((a) => all.map((b) => share(a.classes, b.classes)));
}

function share(a: Int32Array, b: Int32Array): number {
  let different = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) different++;
  return a.length === 0 ? 0 : different / a.length;
}

/** A named classifier, which computes logits `[batch, classes]` of images by head. */
export interface Decider extends Looker {
  readonly name: string;
  readonly heads: readonly Head[];
}

/** A model as a classifier; its probe must derive `headLogits`. */
export const probeDecider = (name: string, probe: Probe): Decider => ({
  name,
  heads: headsOf(probe.model),
  run: (images, batch, size) => probe.run(images, batch, size),
});

/**
 * Predictions of classifiers for images of one size on a dataset. For each: `NAME`, and for a distilled one `NAME
 * class` and `NAME distillation`, the predictions of its heads. Throws WeightsError if a logit is not a number.
 */
export async function decide(
  models: readonly Decider[],
  { length, describe }: Pick<Dataset, "length" | "describe">,
  options: PassOptions,
): Promise<Decisions[][]> {
  const deciders = models.map(({ name, heads }) =>
    heads.map((head) => ({
      head,
      name: head === "both" ? name : `${name} ${head}`,
      classes: new Int32Array(length),
    })),
  );
  for await (const { batch, values } of passOverAll(models, options)) {
    for (const [model, heads] of deciders.entries()) {
      for (const { head, classes } of heads) {
        for (let i = 0; i < batch.count; i++) {
          const logits = logitsAt(values[model], head, i);
          requireFiniteLogits(logits, models[model].name, describe(batch.indices[i]));
          classes[batch.indices[i]] = topK(logits, 1)[0];
        }
      }
    }
  }
  return deciders.map((heads) => heads.map(({ name, classes }) => ({ name, classes })));
}
