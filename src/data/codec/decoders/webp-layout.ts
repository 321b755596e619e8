/** The chunks of a WebP. */
import type { Size } from "../../pixels/image.js";

interface Chunk {
  readonly name: string;
  /** Shorter than the chunk says it is, if the file ends before. */
  readonly data: Buffer;
  /** Where it begins, and where the next one does. */
  readonly start: number;
  readonly end: number;
}

/** The chunks in order. */
export function* webpChunks(file: Buffer): Generator<Chunk> {
  for (let at = 12; at + 8 <= file.length; ) {
    const length = file.readUInt32LE(at + 4);
    const end = at + 8 + length + (length % 2);
    yield { name: file.toString("latin1", at, at + 4), data: file.subarray(at + 8, at + 8 + length), start: at, end };
    at = end;
  }
}

/** A picture alone; or with a header, and a colour profile and metadata around it. */
const regular = /^(VP8[ L]|VP8X(ICCP)?VP8[ L](EXIF)?(XMP )?)$/;

/** In an extended file's header: that there are a profile, values of alpha, EXIF and XMP. Others mean an animation, or nothing. */
const flags = 0x20 | 0x10 | 0x08 | 0x04;

/** A single picture in a file that is regular in all that could matter to its pixels. */
export interface PlainWebp extends Size {
  /** A file with nothing but the picture: libwebp would read on in what follows damaged data. */
  readonly file: Uint8Array;
}

/** The picture, if it has no chunk of its own for alpha; undefined for any other file, damaged or only unusual. */
export function plainWebp(file: Buffer): PlainWebp | undefined {
  const length = 8 + file.readUInt32LE(4);
  const chunks: Chunk[] = [];
  for (const chunk of webpChunks(file.subarray(0, length))) if (chunks.push(chunk) > 5) break;
  const names = chunks.map(({ name }) => name).join("");
  if (!regular.test(names) || chunks.at(-1)!.end !== length) return undefined;
  const [{ name, data }] = chunks;
  if (data.length < 10) return undefined;
  if (name !== "VP8X")
    return { ...(name === "VP8L" ? losslessSize(data) : lossySize(data)), file: file.subarray(0, length) };
  if ((data[0] & ~flags) !== 0) return undefined;
  const picture = chunks.find(({ name }) => /^VP8[ L]$/.test(name))!;
  const alone = Buffer.concat([file.subarray(0, 12), file.subarray(picture.start, picture.end)]);
  alone.writeUInt32LE(alone.length - 8, 4);
  return { width: data.readUIntLE(4, 3) + 1, height: data.readUIntLE(7, 3) + 1, file: alone };
}

function losslessSize(data: Buffer): Size {
  const sides = data.readUInt32LE(1);
  return { width: (sides & 0x3fff) + 1, height: ((sides >>> 14) & 0x3fff) + 1 };
}

/** Without the two bits beside each side, which suggest a scale that no decoder applies. */
const lossySize = (data: Buffer): Size => ({
  width: data.readUInt16LE(6) & 0x3fff,
  height: data.readUInt16LE(8) & 0x3fff,
});
