/** Images with several correct labels, as in ImageNet-ReaL (Beyer et al. 2020, "Are we done with ImageNet?"). */
import { basename } from "node:path";
import { z } from "zod";
import { FileError } from "../errors/errors.js";
import { fileError } from "../errors/file-error.js";
import { readJson } from "../system/files/json-file.js";
import { JsonError } from "../system/text/json.js";
import { topK } from "./metrics.js";

const labels = z.array(z.number().int().min(0)).max(1000);
const schema = z.union([z.array(labels).max(1_000_000), z.record(z.string(), labels)]);

/** Far above the 1.5 MB of the published file. */
const largestFile = 64 * 2 ** 20;

/** All correct labels of a file by name; empty if annotators did not agree on any; undefined for an unlisted image. */
export type RealLabels = (path: string) => readonly number[] | undefined;

/**
 * Reads `real.json`: a list whose n-th entry belongs to `ILSVRC2012_val_` and the number n + 1, or an object by file
 * name. Throws FileError if it is neither.
 */
export async function readRealLabels(path: string): Promise<RealLabels> {
  const parsed = schema.safeParse(
    await readJson(path, largestFile).catch((error) => {
      if (error instanceof JsonError) throw new FileError(path, `"${path}" ${error.message}.`);
      throw fileError(path, "read the labels in", error);
    }),
  );
  if (!parsed.success)
    throw new FileError(
      path,
      `"${path}" holds no labels: it must be a list of lists of class indices, or an object with such a list per file name.`,
    );
  const found = parsed.data;
  if (!Array.isArray(found)) {
    const byName = new Map(Object.entries(found));
    return (image) => byName.get(basename(image));
  }
  return (image) => {
    const number = /^ILSVRC2012_val_(\d{8})\.\w+$/.exec(basename(image));
    return number ? found[Number(number[1]) - 1] : undefined;
  };
}

export interface RealResult {
  /** Percent of images whose top prediction is among the correct labels. */
  readonly top1: number;
  /** Percent with a correct label among the top five predictions. */
  readonly top5: number;
  /** Number of images with a correct label; those without are ignored. */
  readonly images: number;
}

/** Running sums of an evaluation with several correct labels. */
export class RealAccuracy {
  #top1 = 0;
  #top5 = 0;
  #images = 0;

  add(logits: ArrayLike<number>, right: readonly number[]): void {
    if (right.length === 0) return;
    const best = topK(logits, 5);
    if (right.includes(best[0])) this.#top1++;
    if (best.some((b) => right.includes(b))) this.#top5++;
    this.#images++;
  }

  result(): RealResult {
    const share = (n: number) => (this.#images === 0 ? 0 : (100 * n) / this.#images);
    return { top1: share(this.#top1), top5: share(this.#top5), images: this.#images };
  }
}
