/** Reads a sample's bytes, or its pixels if they are stored raw. */
import { fileError } from "../../errors/file-error.js";
import { atOnce, readFileAside, readFileInto } from "../../system/files/read-at-once.js";
import { readRange } from "../../system/files/read-range.js";
import { tooLarge } from "../../system/files/regular-file.js";
import { defaultMaxPixels } from "../codec/decode.js";
import type { SampleSource } from "../dataset/dataset.js";
import { type Picture, pictureOf } from "../pixels/image.js";
import { drawProcedural } from "../pixels/procedural-image.js";
import { readRecord } from "../records/read.js";

/** An image file's bytes before decoding, with its name for messages. */
export interface EncodedImage {
  readonly bytes: Uint8Array;
  readonly name: string;
}

/**
 * Maximum bytes of an image file: eight for each pixel of the largest image. Memory for all of them is allocated at
 * once.
 */
const largestImage = 8 * defaultMaxPixels;

/** Not zeroed, since every byte that is used is written first. */
const fresh = (bytes: number): Uint8Array => new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);

/**
 * Reads a sample; files and records into memory from `allocate`, or new memory. Throws FileError if it is missing,
 * truncated, or a record that is not what was packed.
 */
export async function readSource(source: SampleSource, allocate = fresh): Promise<EncodedImage | Picture> {
  switch (source.kind) {
    case "file": {
      const { path } = source;
      const bytes = await atOnce<Uint8Array>(
        () => readFileInto(path, largestImage, allocate),
        () => readFileAside(path, largestImage, allocate),
      ).catch((error) => {
        throw fileError(path, "read", error);
      });
      return { bytes, name: path };
    }
    case "slice":
      requireOfImage(source.length, source.name);
      return { bytes: await readRange(source.path, source.offset, source.length), name: source.name };
    case "pixels": {
      const { path, offset, width, height } = source;
      return pictureOf({ width, height, data: interleaved(await readRange(path, offset, width * height * 3)) });
    }
    case "record": {
      const { encoding, name, width, height, length } = source;
      requireOfImage(length, name);
      const bytes = await readRecord(source, allocate);
      return encoding === "raw" ? pictureOf({ width, height, data: bytes }) : { bytes, name };
    }
    case "bytes": {
      const { bytes, name } = source;
      requireOfImage(bytes instanceof Uint8Array ? bytes.length : bytes.size, name);
      return { bytes: bytes instanceof Uint8Array ? bytes : new Uint8Array(await bytes.arrayBuffer()), name };
    }
    case "image":
      return pictureOf(source);
    case "callback":
      return readSource(await source.read(), allocate);
    case "procedural":
      return drawn(source);
  }
}

function requireOfImage(bytes: number, name: string): void {
  if (bytes > largestImage) throw fileError(name, "read", tooLarge(largestImage));
}

/** Drawing is deferred until the pixels are requested. */
function drawn(source: SampleSource & { kind: "procedural" }): Picture {
  const { size } = source;
  const pixels = () => pictureOf(drawProcedural(source)).pixels({ left: 0, top: 0, width: size, height: size });
  return { width: size, height: size, shrinks: false, pixels };
}

/** Converts three planes to interleaved pixels. */
function interleaved(planes: Uint8Array): Uint8Array {
  const pixels = planes.length / 3;
  const data = new Uint8Array(planes.length);
  for (let i = 0; i < pixels; i++) {
    data[3 * i] = planes[i];
    data[3 * i + 1] = planes[pixels + i];
    data[3 * i + 2] = planes[2 * pixels + i];
  }
  return data;
}
