/** All samples of all parts, each examined by a worker thread, stored in columns: about a hundred bytes per image. */
import { InterruptedError } from "../../errors/errors.js";
import { WorkerPool } from "../../system/threads/worker-pool.js";
import { workerUrl } from "../../system/threads/worker-url.js";
import type { SampleSource } from "../dataset/dataset.js";
import { whileHere } from "../dataset/pieces.js";
import { type Copies, findCopies } from "./copies.js";
import type { Examination, Trait } from "./examine.js";
import { fingerprintWords } from "./fingerprint.js";
import type { Inventory, Oddity } from "./inventory.js";

export interface Survey {
  /** Number of images of all parts together; indices below count across parts. */
  readonly length: number;
  readonly parts: readonly { readonly name: string; readonly length: number }[];
  /** Classes of all parts by name, in code-point order. */
  readonly classes: readonly string[];
  readonly oddities: readonly Oddity[];
  /** Index into `parts`. */
  part(index: number): number;
  /** Index into `classes`. */
  label(index: number): number;
  source(index: number): SampleSource;
  describe(index: number): string;
  /** Runs `work` while the sources of these samples can be read. */
  whileHere<T>(indices: readonly number[], work: () => Promise<T>): Promise<T>;
  /** 0 for images that could not be read. */
  readonly widths: Uint32Array;
  readonly heights: Uint32Array;
  readonly bytes: Float64Array;
  fingerprint(index: number): Uint32Array | undefined;
  digest(index: number): string | undefined;
  /** Sentences about samples that cannot be read. */
  readonly unreadable: ReadonlyMap<number, string>;
  readonly damaged: readonly number[];
  readonly misnamed: readonly number[];
  readonly blank: readonly number[];
  readonly traits: ReadonlyMap<Trait, readonly number[]>;
  readonly formats: ReadonlyMap<string, number>;
  readonly copies: Copies;
}

export interface SurveyOptions {
  readonly workers: number;
  readonly onProgress?: (done: number, total: number, doing: string) => void;
  readonly signal?: AbortSignal;
}

/** Number of samples that a worker gets at a time. */
const share = 16;

const digestBytes = 32;

/** Examines everything in the inventory. */
export async function survey(inventory: Inventory, options: SurveyOptions): Promise<Survey> {
  const { parts, oddities } = inventory;
  const place = placesOf(inventory);
  const { length } = place;
  const digests = Buffer.alloc(length * digestBytes);
  const prints = new Uint32Array(length * fingerprintWords);
  const [widths, heights, bytes] = [new Uint32Array(length), new Uint32Array(length), new Float64Array(length)];
  const unreadable = new Map<number, string>();
  const [damaged, misnamed, blank]: number[][] = [[], [], []];
  const traits = new Map<Trait, number[]>();
  const formats = new Map<string, number>();
  let done = 0;
  await examineAll(place, options, (index, found) => {
    widths[index] = found.width;
    heights[index] = found.height;
    bytes[index] = found.bytes;
    if (found.digest !== undefined) digests.write(found.digest, index * digestBytes, "hex");
    if (found.fingerprint) prints.set(found.fingerprint, index * fingerprintWords);
    if (found.unreadable !== undefined) unreadable.set(index, found.unreadable);
    if (found.blank) blank.push(index);
    if (found.damaged) damaged.push(index);
    if (found.misnamed) misnamed.push(index);
    for (const trait of found.traits) {
      const known = traits.get(trait);
      if (known) known.push(index);
      else traits.set(trait, [index]);
    }
    if (found.format !== undefined) formats.set(found.format, (formats.get(found.format) ?? 0) + 1);
    options.onProgress?.(++done, length, "examining");
  });
  const digest = (i: number) =>
    unreadable.has(i) ? undefined : digests.toString("latin1", i * digestBytes, (i + 1) * digestBytes);
  const fingerprint = (i: number) => {
    const print = prints.subarray(i * fingerprintWords, (i + 1) * fingerprintWords);
    return print.some((word) => word !== 0) ? print : undefined;
  };
  const copies = await findCopies(
    { length, digest, fingerprint },
    { signal: options.signal, onProgress: (s) => options.onProgress?.(s * length, length, "comparing") },
  );
  return {
    ...place,
    ...{ oddities, widths, heights, bytes, traits, formats, copies, digest, fingerprint },
    unreadable: new Map([...unreadable].sort(([a], [b]) => a - b)),
    parts: parts.map(({ name, dataset }) => ({ name, length: dataset.length })),
    damaged: inOrder(damaged),
    misnamed: inOrder(misnamed),
    blank: inOrder(blank),
  };
}

const inOrder = (indices: readonly number[]): number[] => [...indices].sort((a, b) => a - b);

type Places = Pick<Survey, "length" | "classes" | "part" | "label" | "source" | "describe" | "whileHere">;

/** The part and index of each sample. */
function placesOf({ parts }: Inventory): Places {
  const starts = [0];
  for (const { dataset } of parts) starts.push(starts.at(-1)! + dataset.length);
  const part = (index: number) => starts.findIndex((start) => start > index) - 1;
  const classes = [...new Set(parts.flatMap(({ dataset }) => dataset.classes))].sort();
  const numbers = new Map(classes.map((name, i) => [name, i]));
  const labels = parts.map(({ dataset }) => dataset.classes.map((name) => numbers.get(name)!));
  const within = <T>(index: number, get: (p: number, i: number) => T): T => {
    const p = part(index);
    return get(p, index - starts[p]);
  };
  return {
    length: starts.at(-1)!,
    classes,
    part,
    label: (index) => within(index, (p, i) => labels[p][parts[p].dataset.label(i)]),
    source: (index) => within(index, (p, i) => parts[p].dataset.source(i)),
    describe: (index) => within(index, (p, i) => parts[p].dataset.describe(i)),
    whileHere(indices, work) {
      const own = (p: number) => indices.filter((index) => part(index) === p).map((index) => index - starts[p]);
      return parts.reduce(
        (inner, { dataset }, p) =>
          () =>
            whileHere(dataset, own(p), inner),
        work,
      )();
    },
  };
}

/** Calls `take` for each sample, as worker threads finish them. */
async function examineAll(
  { length, source, describe, whileHere }: Places,
  { workers, signal }: SurveyOptions,
  take: (index: number, found: Examination) => void,
): Promise<void> {
  const pool = new WorkerPool<readonly SampleSource[], readonly Examination[]>(
    workerUrl("data/check/examine-worker"),
    Math.max(1, workers),
    (job) => `${job.length} images`,
  );
  const examineOne = async (index: number): Promise<Examination> => {
    try {
      return (await pool.run([source(index)]))[0];
    } catch (error) {
      // The thread died on this file.
      const reason = error instanceof Error ? error.message.replace(/^.*?: /, "") : String(error);
      const unreadable = `"${describe(index)}" ends the program that reads it (${reason}); remove it.`;
      return { unreadable, width: 0, height: 0, bytes: 0, traits: [] };
    }
  };
  let next = 0;
  const work = async () => {
    while (next < length) {
      if (signal?.aborted) throw new InterruptedError("The check was interrupted; nothing was changed.");
      const from = next;
      next = Math.min(length, from + share);
      const indices = Array.from({ length: next - from }, (_, i) => from + i);
      const found = await whileHere(indices, () =>
        pool.run(indices.map(source)).catch(() => Promise.all(indices.map((i) => examineOne(i)))),
      );
      for (const [i, examination] of found.entries()) take(from + i, examination);
    }
  };
  try {
    // Two jobs for each thread, so that none waits for the main thread.
    await Promise.all(Array.from({ length: 2 * pool.size }, work));
  } finally {
    pool.close();
  }
}
