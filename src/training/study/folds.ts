/** Folds of a dataset for cross-validation: each image is held out in one of them. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { countsOf } from "../../data/dataset/class-balance.js";
import { type Dataset, keysOf, type RecordedSplit, subset } from "../../data/dataset/dataset.js";
import { whileHere } from "../../data/dataset/pieces.js";
import { writeSplit } from "../../data/dataset/split.js";
import { wholeImage } from "../../data/pixels/image.js";
import { readSource } from "../../data/view/read-source.js";
import { InterruptedError, UsageError } from "../../errors/errors.js";
import { RandomStream } from "../../random/stream.js";

/** A fold: the split that holds it out. */
export interface Fold {
  /** Counted from 1. */
  readonly number: number;
  readonly split: RecordedSplit;
  /** SHA-256 over the names of its samples. */
  readonly identity: string;
}

/**
 * The fold of each sample, from 0: every class is spread evenly, and samples of one group stay together. The same for
 * the same seed.
 */
export function dealFolds(
  { classes, length, label }: Pick<Dataset, "classes" | "length" | "label">,
  folds: number,
  groups: readonly string[],
  seed = 0,
): Uint32Array {
  const members = new Map<string, number[]>();
  for (let i = 0; i < length; i++) members.set(groups[i], [...(members.get(groups[i]) ?? []), i]);
  const all = [...members.values()];
  const order = new RandomStream({ seed, purpose: "folds" }).permutation(all.length);
  // The largest groups first, while there is room to make up for them.
  const dealt = Array.from(order, (at) => all[at]).sort((a, b) => b.length - a.length);
  const ofClass = classes.map(() => new Uint32Array(folds));
  const sizes = new Uint32Array(folds);
  const fold = new Uint32Array(length);
  for (const group of dealt) {
    const counts = ofClass[label(group[0])];
    let least = 0;
    for (let f = 1; f < folds; f++)
      if (counts[f] < counts[least] || (counts[f] === counts[least] && sizes[f] < sizes[least])) least = f;
    for (const i of group) {
      fold[i] = least;
      ofClass[label(i)][least]++;
      sizes[least]++;
    }
  }
  return fold;
}

export interface FoldOptions {
  /** Number of folds. */
  readonly folds: number;
  /** Folder of the study, in which each fold is written as a split. */
  readonly output: string;
  readonly signal?: AbortSignal;
  readonly onWarning?: (message: string) => void;
}

/** Writes `fold-N.json` for each fold. Throws UsageError for fewer than two folds, or more than there are images. */
export async function writeFolds(dataset: Dataset, options: FoldOptions): Promise<readonly Fold[]> {
  const { folds, output, signal, onWarning } = options;
  const { length, name, classes } = dataset;
  if (folds < 2 || folds > length)
    throw new UsageError(
      `${folds} folds of the ${length} images of "${name}" are not possible; give a number from 2 to ${length}.`,
    );
  const groups: string[] = [];
  for (let i = 0; i < length; i++) {
    if (signal?.aborted) throw new InterruptedError("The images were being divided into folds; nothing was written.");
    groups.push(await digestOf(dataset, i));
  }
  const copies = length - new Set(groups).size;
  if (copies > 0)
    onWarning?.(
      `${copies === 1 ? "1 image is a copy" : `${copies} images are copies`} of others; copies are in the same fold.`,
    );
  const few = countsOf(dataset).flatMap((count, c) => (count > 0 && count < folds ? [classes[c]] : []));
  if (few.length > 0)
    onWarning?.(
      `${few.length === 1 ? `The class "${few[0]}" has` : `${few.length} classes, such as "${few[0]}", have`} fewer images than there are folds, so some folds measure none of ${few.length === 1 ? "it" : "them"}.`,
    );
  const dealt = dealFolds(dataset, folds, groups);
  return Promise.all(
    Array.from({ length: folds }, async (_, f): Promise<Fold> => {
      const held = subset(
        dataset,
        Uint32Array.from({ length }, (_, i) => i).filter((i) => dealt[i] === f),
      );
      if (held.length === 0)
        throw new UsageError(
          `Fold ${f + 1} of ${folds} would be empty, since so many images are copies; use fewer folds.`,
        );
      const path = join(output, `fold-${f + 1}.json`);
      await writeSplit(path, 1 / folds, length, held);
      const keys = keysOf(held);
      const identity = createHash("sha256").update(JSON.stringify(keys)).digest("hex");
      return { number: f + 1, split: { kind: "recorded", path, share: 1 / folds, test: new Set(keys) }, identity };
    }),
  );
}

/** SHA-256 of an image's bytes, or of its pixels where it is stored as such. */
async function digestOf(dataset: Dataset, index: number): Promise<string> {
  return whileHere(dataset, [index], async () => {
    const source = dataset.source(index);
    const found = await readSource(source);
    const bytes = "bytes" in found ? found.bytes : (await wholeImage(found)).data;
    return createHash("sha256").update(bytes).digest("hex");
  });
}
