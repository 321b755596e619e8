/** Packs a dataset into a record file; interrupted packing resumes where it stopped. */

import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { FileError, InterruptedError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { messageOf } from "../../errors/message-of.js";
import { crc32 } from "../../formats/crc32.js";
import { moveFile } from "../../system/files/atomic-file.js";
import { takeLock } from "../../system/files/lock-file.js";
import { WorkerDied, WorkerPool } from "../../system/threads/worker-pool.js";
import { workerUrl } from "../../system/threads/worker-url.js";
import { type Dataset, requireOneLabel } from "../dataset/dataset.js";
import { datasetIdentity } from "../dataset/identity.js";
import { whileHere } from "../dataset/pieces.js";
import type { Exif } from "../pixels/orientation.js";
import { type Description, encodeFoot, encodeHead, encodeRecordHead, recordHeadBytes } from "../records/layout.js";
import { readRecordFile } from "../records/read.js";
import { IndexBuilder } from "../records/record-index.js";
import type { RecordContent, RecordJob } from "./make-record.js";
import { wholeRecords } from "./unfinished.js";

export interface PackOptions {
  readonly encoding: Description["encoding"];
  /** Shorter side of the images; smaller ones keep their size. */
  readonly size: number;
  /** JPEG quality. */
  readonly quality?: number;
  /** Whether images are rotated according to their metadata (default: ignored). */
  readonly exif?: Exif;
  readonly workers: number;
  /** What to do about an image that cannot be read: stop, or leave it out. */
  readonly onBadImage?: "stop" | "skip";
  readonly onSkipped?: (message: string) => void;
  /** Called with the number of samples that are done, packed or left out. */
  readonly onProgress?: (done: number) => void;
  readonly signal?: AbortSignal;
}

export interface Packed {
  readonly samples: number;
  readonly bytes: number;
  /** Records that were written by an earlier, interrupted run. */
  readonly found: number;
}

/** A part of the data with its name. */
export interface PackedPart {
  readonly name: string;
  readonly dataset: Dataset;
}

/**
 * Packs the parts, which share their classes, into the file `path`, which has the suffix `.partial` until it is
 * complete. Throws FileError for what cannot be read or written, InterruptedError if the signal aborts it.
 */
export async function packRecords(parts: readonly PackedPart[], path: string, options: PackOptions): Promise<Packed> {
  const description = describe(parts, options);
  for (const { dataset } of parts) requireOneLabel(dataset, "and a record holds one; train on the list itself");
  if (await stat(path).catch(() => undefined)) return packedBefore(path, description);
  const partial = `${path}.partial`;
  const lock = await takeLock(`${partial}.lock`, {
    held: () => new FileError(partial, `Another process is writing "${partial}"; wait for it, or name another file.`),
  });
  try {
    const file = await open(partial, constants.O_RDWR | constants.O_CREAT).catch((error) => {
      throw fileError(partial, "write", error);
    });
    let packed: Packed;
    try {
      const signal = AbortSignal.any([lock.lost, options.signal].filter((s) => s !== undefined));
      packed = await writeAll(parts, partial, file, description, { ...options, signal });
      await lock.confirm();
    } catch (error) {
      lock.lost.throwIfAborted();
      throw error instanceof InterruptedError ? error : fileError(partial, "write", error);
    } finally {
      await file.close();
    }
    await moveFile(partial, path);
    return packed;
  } finally {
    await lock.release();
  }
}

function describe(parts: readonly PackedPart[], { encoding, size, quality, exif }: PackOptions): Description {
  const identity = createHash("sha256");
  for (const { name, dataset } of parts) identity.update(`${name}\0${datasetIdentity(dataset)}\n`);
  const turned = exif === "apply" ? { exif } : {};
  return { identity: identity.digest("hex"), encoding, size, ...(encoding === "jpeg" && { quality }), ...turned };
}

/** Accepts an existing file of the same data and settings as the result. */
async function packedBefore(path: string, description: Description): Promise<Packed> {
  const { index, description: own } = await readRecordFile(path);
  if (JSON.stringify(own) !== JSON.stringify(description)) {
    throw new FileError(
      path,
      `"${path}" already exists, with other data or settings; remove it, or name another file.`,
    );
  }
  return { samples: index.length, bytes: (await stat(path)).size, found: index.length };
}

async function writeAll(
  parts: readonly PackedPart[],
  path: string,
  file: FileHandle,
  description: Description,
  options: PackOptions,
): Promise<Packed> {
  const samples = numbered(parts);
  const index = new IndexBuilder();
  const counts = parts.map(() => 0);
  const add = (sample: number, entry: Omit<Parameters<IndexBuilder["add"]>[0], "key" | "label">) => {
    const { part, dataset, place } = samples.at(sample);
    counts[part]++;
    index.add({ ...entry, key: dataset.key(place), label: dataset.label(place) });
  };
  const head = encodeHead(description);
  let end = head.length;
  let next = 0;
  for await (const record of wholeRecords(path, file, description)) {
    if (options.signal?.aborted) throw interrupted(path, index.length);
    if (record.sample < next || record.sample >= samples.length) break;
    add(record.sample, record);
    end = record.offset + record.length;
    next = record.sample + 1;
    options.onProgress?.(next);
  }
  const found = index.length;
  await file.truncate(end);
  await writeAt(file, head, 0);
  for await (const { sample, content } of contents(samples, next, options)) {
    if (content) {
      const { bytes, width, height } = content;
      const record = { sample, width, height, length: bytes.length, checksum: crc32(bytes) };
      await writeAt(file, Buffer.concat([encodeRecordHead(record), bytes]), end);
      const offset = end + recordHeadBytes;
      end = offset + bytes.length;
      add(sample, { ...record, offset });
    }
    options.onProgress?.(sample + 1);
    if (options.signal?.aborted) throw interrupted(path, index.length);
  }
  const { name, classes } = parts[0].dataset;
  const left = parts.map((part, i) => ({ name: part.name, samples: counts[i] })).filter((part) => part.samples > 0);
  if (left.length === 0) throw new FileError(path, `No image of "${name}" can be read, so there is nothing to pack.`);
  const bytes = index.encode({ name, classes, parts: left });
  await writeAt(file, bytes, end);
  await writeAt(file, encodeFoot({ offset: end, length: bytes.length, checksum: crc32(bytes) }), end + bytes.length);
  await file.sync();
  return { samples: index.length, bytes: (await file.stat()).size, found };
}

async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; )
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
}

const interrupted = (path: string, done: number) =>
  new InterruptedError(`Packing was interrupted; ${done} images are in "${path}", and the same command continues it.`);

interface Samples {
  readonly length: number;
  at(sample: number): { readonly part: number; readonly dataset: Dataset; readonly place: number };
}

/** The samples of all parts, numbered consecutively. */
function numbered(parts: readonly PackedPart[]): Samples {
  return {
    length: parts.reduce((sum, { dataset }) => sum + dataset.length, 0),
    at(sample) {
      let place = sample;
      let part = 0;
      while (place >= parts[part].dataset.length) place -= parts[part++].dataset.length;
      return { part, dataset: parts[part].dataset, place };
    },
  };
}

/** Records in progress per worker. */
const ahead = 4;

/** The records from sample `first`, in order; without content if the image is left out. */
async function* contents(
  samples: Samples,
  first: number,
  { encoding, size, quality, exif, workers, onBadImage = "stop", onSkipped }: PackOptions,
): AsyncGenerator<{ sample: number; content: RecordContent | undefined }, void> {
  const of = ({ dataset, place }: ReturnType<Samples["at"]>) => dataset.describe(place);
  const pool = new WorkerPool<RecordJob & { sample: number }, RecordContent>(
    workerUrl("data/packing/worker"),
    workers,
    ({ sample }) => of(samples.at(sample)),
  );
  try {
    const queue: Promise<RecordContent>[] = [];
    let next = first;
    const request = () => {
      if (next >= samples.length) return;
      const { dataset, place } = samples.at(next);
      const job = { sample: next++, source: dataset.source(place), encoding, size, quality, exif };
      const content = whileHere(dataset, [place], () => pool.run(job));
      content.catch(() => undefined); // reported when its turn comes
      queue.push(content);
    };
    for (let i = 0; i < ahead * workers; i++) request();
    for (let sample = first; sample < samples.length; sample++) {
      let content: RecordContent | undefined;
      try {
        content = await queue.shift();
      } catch (error) {
        const message = messageOf(error);
        const sentence =
          error instanceof WorkerDied ? `${message}. Remove the file, or check it with another program.` : message;
        if (onBadImage === "stop") throw new FileError(of(samples.at(sample)), sentence, { cause: error });
        onSkipped?.(sentence);
      }
      request();
      yield { sample, content };
    }
  } finally {
    await pool.close();
  }
}
