/** The check before training: can every image be read? */

import { availableParallelism } from "node:os";
import { DownloadError } from "../../errors/errors.js";
import { messageOf } from "../../errors/message-of.js";
import { openRegular } from "../../system/files/regular-file.js";
import { defaultMaxPixels } from "../codec/decode.js";
import { fitsLimits } from "../codec/decoders/jpeg.js";
import { isJpeg, jpegHeader } from "../codec/decoders/jpeg-header.js";
import type { Dataset, SampleSource } from "../dataset/dataset.js";
import { whileHere } from "../dataset/pieces.js";
import { readSample } from "../view/view.js";

export interface BadImage {
  readonly index: number;
  readonly path: string;
  readonly message: string;
}

/** Finds images that cannot be read: by header and end mark for JPEG, by decoding for all other formats. */
export async function findBadImages(dataset: Dataset, workers = availableParallelism()): Promise<BadImage[]> {
  const bad: BadImage[] = [];
  let next = 0;
  const work = async () => {
    while (next < dataset.length) {
      const index = next++;
      const source = dataset.source(index);
      if (!mayBeBad(source)) continue;
      try {
        await whileHere(dataset, [index], () => readWhole(source));
      } catch (error) {
        if (error instanceof DownloadError) throw error;
        bad.push({
          index,
          path: dataset.describe(index),
          message: messageOf(error),
        });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(4, workers * 4) }, work));
  return bad.sort((a, b) => a.index - b.index);
}

async function readWhole(source: FileSource): Promise<void> {
  if (!(await isWholeJpeg(source))) await readSample(source, { jpeg: "exact" });
}

type FileSource = SampleSource & { kind: "file" | "slice" | "bytes" };

/** Raw pixels cannot be invalid except in number, and records were decoded when they were packed. */
const mayBeBad = (source: SampleSource): source is FileSource =>
  source.kind === "file" || source.kind === "slice" || source.kind === "bytes";

/** A JPEG with a valid frame header whose bytes end with the end marker. Anything doubtful is decoded instead. */
async function isWholeJpeg(source: FileSource): Promise<boolean> {
  if (source.kind === "bytes") return false;
  const file = await openRegular(source.path).catch(() => undefined);
  if (!file) return false;
  try {
    const [start, size] = source.kind === "slice" ? [source.offset, source.length] : [0, (await file.stat()).size];
    const head = Buffer.alloc(Math.min(size, 65_536));
    await file.read(head, 0, head.length, start);
    const tail = Buffer.alloc(2);
    await file.read(tail, 0, 2, start + Math.max(0, size - 2));
    const header = isJpeg(head) ? jpegHeader(head) : undefined;
    return header !== undefined && fitsLimits(header, defaultMaxPixels) && tail[0] === 0xff && tail[1] === 0xd9;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}
