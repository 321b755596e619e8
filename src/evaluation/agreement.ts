/** How often classifiers decide differently (paper, table 4). */
import { UsageError } from "../errors.js";
import { headsOf } from "../models/context.js";
import { logitsAt } from "./heads.js";
import { topK } from "./metrics.js";
import { type PassOptions, passOverAll } from "./pass.js";
import type { Probe } from "./probe.js";

/** A class for each image of a data set. */
export interface Decisions {
  readonly name: string;
  readonly classes: Int32Array;
}

/** Share of images on which each pair decides differently: symmetric, zeros on the diagonal. */
export function disagreement(all: readonly Decisions[]): number[][] {
  const images = all[0]?.classes.length ?? 0;
  const uneven = all.find((d) => d.classes.length !== images);
  if (uneven)
    throw new UsageError(
      `"${uneven.name}" decided on ${uneven.classes.length} images and "${all[0].name}" on ${images}; compare decisions on the same images.`,
    );
  return all.map((a) => all.map((b) => share(a.classes, b.classes)));
}

function share(a: Int32Array, b: Int32Array): number {
  let different = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) different++;
  return a.length === 0 ? 0 : different / a.length;
}

/** A model under a name; its probe must derive `headLogits`. */
export interface NamedProbe {
  readonly name: string;
  readonly probe: Probe;
}

/**
 * What models for images of one size decide on a data set of `length` images. For each model: `NAME`, and for a
 * distilled one `NAME class` and `NAME distillation`, the decisions of its heads.
 */
export async function decide(
  models: readonly NamedProbe[],
  length: number,
  options: PassOptions,
): Promise<Decisions[][]> {
  const deciders = models.map(({ name, probe }) =>
    headsOf(probe.model).map((head) => ({
      head,
      name: head === "both" ? name : `${name} ${head}`,
      classes: new Int32Array(length),
    })),
  );
  const probes = models.map((m) => m.probe);
  for await (const { batch, values } of passOverAll(probes, options)) {
    for (const [model, heads] of deciders.entries()) {
      for (const { head, classes } of heads) {
        for (let i = 0; i < batch.count; i++) classes[batch.indices[i]] = topK(logitsAt(values[model], head, i), 1)[0];
      }
    }
  }
  return deciders.map((heads) => heads.map(({ name, classes }) => ({ name, classes })));
}
