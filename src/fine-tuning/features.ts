/** What the frozen part of a model makes of views: computed once for each, since training does not change it. */

import { InterruptedError, UsageError } from "../errors/errors.js";
import type { InsideModel } from "../evaluation/opened-classifier.js";
import { imageLength } from "../models/image-batch.js";
import { headNames } from "../models/parts.js";
import { tokensBefore } from "../models/tail.js";
import type { Example } from "./examples.js";

/** The values of one view. */
export interface ViewFeatures {
  /** What each head reads, in the order of `headNames`. */
  readonly heads: readonly Float32Array[];
  /** `[tokens, width]`, what the first trained block reads; undefined if none is trained. */
  readonly tokens?: Float32Array;
}

/** An example that the frozen part has seen. */
export interface SeenExample {
  readonly label: number;
  /** One entry for each of its views. */
  readonly views: readonly ViewFeatures[];
}

/** Views of one run. */
const batch = 4;
/** Bytes of features that a page can be expected to hold. */
const mostBytes = 1.5 * 2 ** 30;

export interface FeatureOptions {
  readonly inside: InsideModel;
  /** Blocks that are trained, and so belong to no frozen part. */
  readonly blocks: number;
  readonly signal?: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
  /** Lets the page, or another program, have its turn. */
  readonly turn: () => Promise<void>;
}

/** The features of all views of the examples. Throws UsageError for a model without heads, or too many views. */
export async function featuresOf(examples: readonly Example[], options: FeatureOptions): Promise<SeenExample[]> {
  const { inside, blocks, signal, onProgress, turn } = options;
  const { model } = inside;
  const heads = headNames(model);
  if (heads.length === 0)
    throw new UsageError(
      `The model "${model.name}" names no head that could be fitted; declare it by nn.head, or use another model.`,
    );
  const cut = blocks === 0 ? undefined : tokensBefore(model, blocks);
  const probe = inside.probe((seen) => ({
    ...Object.fromEntries(heads.map((name) => [name, seen.value(`${name}.input`)])),
    ...(cut === undefined ? {} : { tokens: seen.value(cut) }),
  }));
  try {
    const views = examples.flatMap((example, at) => example.views.map((view) => ({ at, view })));
    const size = imageLength(model);
    const images = new Uint8Array(batch * size);
    const found: ViewFeatures[][] = examples.map(() => []);
    for (let from = 0; from < views.length; from += batch) {
      if (signal?.aborted) throw new InterruptedError("Fine-tuning was interrupted.");
      const part = views.slice(from, from + batch);
      for (const [i, { view }] of part.entries()) images.set(view, i * size);
      const values = await probe.run(images, batch);
      const rows = (name: string) => {
        const data = values.get(name)!.data as Float32Array;
        const length = data.length / batch;
        return (i: number) => data.slice(i * length, (i + 1) * length);
      };
      if (from === 0 && cut !== undefined) requireRoom(4 * views.length * rows("tokens")(0).length);
      const [ofHeads, ofTokens] = [heads.map(rows), cut === undefined ? undefined : rows("tokens")];
      for (const [i, { at }] of part.entries())
        found[at].push({ heads: ofHeads.map((of) => of(i)), tokens: ofTokens?.(i) });
      onProgress(Math.min(from + batch, views.length), views.length);
      await turn();
    }
    return examples.map(({ label }, i) => ({ label, views: found[i] }));
  } finally {
    await probe.dispose();
  }
}

function requireRoom(bytes: number): void {
  if (bytes > mostBytes)
    throw new UsageError(
      `What the trained blocks read of these images would take ${(bytes / 2 ** 30).toFixed(1)} GiB of memory; give fewer images, set augment to 0, or fit the head alone with blocks: 0.`,
    );
}
