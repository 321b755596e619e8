/** The directory of a TIFF's first picture. */
import type { Size } from "../../pixels/image.js";
import { cut, damaged } from "./undecodable.js";

/** Numbers of the tags in use. */
export const tag = {
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  stripOffsets: 273,
  orientation: 274,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  planarConfiguration: 284,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileByteCounts: 325,
  extraSamples: 338,
  sampleFormat: 339,
} as const;

export type TagName = keyof typeof tag;

/** Of no meaning to anybody. */
const meaningless = 65_000;
/** The type of numbers of four bytes. */
const long = 4;

interface Entry {
  readonly values: readonly number[];
  /** Offset of its entry in the directory. */
  readonly entry: number;
  /** Offset of its first value in the file. */
  readonly start: number;
}

export interface Tags {
  /** The values of a tag; empty if it is absent. */
  of(name: TagName): readonly number[];
  /** A copy of the file in which the first value of a tag, a small number, is replaced. */
  changed(name: TagName, value: number): Buffer;
  /** A copy of the file of tiles that is a picture of the size of one, stored as the strip that lies there. */
  asStrip(size: Size, offset: number, bytes: number): Buffer;
}

/** Bytes of a value, by type, for the integer types. */
const typeBytes: Readonly<Record<number, 1 | 2 | 4 | 8>> = { 1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8 };

/** Reads the tags of a TIFF or BigTIFF of either byte order; throws Undecodable. */
export function readTags(file: Buffer): Tags {
  try {
    const found = readDirectory(file);
    return {
      of: (name) => found.get(tag[name])?.values ?? [],
      changed(name, value) {
        const copy = Buffer.from(file);
        const start = found.get(tag[name])?.start;
        if (start !== undefined) copy[isLittle(file) ? start : start + 1] = value; // a two-byte number
        return copy;
      },
      asStrip({ width, height }, offset, bytes) {
        const copy = Buffer.from(file);
        const rename = (name: TagName, key: number, value: number) => {
          const place = found.get(tag[name]);
          if (place) writeEntry(copy, place.entry, key, value);
        };
        rename("width", tag.width, width);
        rename("height", tag.height, height);
        rename("tileWidth", meaningless, 0);
        rename("tileHeight", tag.rowsPerStrip, height);
        rename("tileOffsets", tag.stripOffsets, offset);
        rename("tileByteCounts", tag.stripByteCounts, bytes);
        return copy;
      },
    };
  } catch (error) {
    throw error instanceof RangeError ? cut() : error;
  }
}

function readDirectory(file: Buffer): ReadonlyMap<number, Entry> {
  const number = numbersOf(file);
  const big = number(2, 2) === 43;
  const at = big ? number(8, 8) : number(4, 4);
  const [countBytes, entryBytes, fieldBytes] = big ? ([8, 20, 8] as const) : ([2, 12, 4] as const);
  const wanted = new Set<number>(Object.values(tag));
  const found = new Map<number, Entry>();
  const entries = number(at, countBytes);
  if (entries > file.length / entryBytes) throw damaged("its directory");
  for (let i = 0; i < entries; i++) {
    const entry = at + countBytes + i * entryBytes;
    const bytes = typeBytes[number(entry + 2, 2)];
    const key = number(entry, 2);
    if (bytes === undefined || !wanted.has(key) || found.has(key)) continue;
    const count = number(entry + 4, fieldBytes);
    const inside = count * bytes <= fieldBytes;
    const start = inside ? entry + 4 + fieldBytes : number(entry + 4 + fieldBytes, fieldBytes);
    if (start + count * bytes > file.length) throw cut();
    found.set(key, { start, entry, values: Array.from({ length: count }, (_, k) => number(start + k * bytes, bytes)) });
  }
  return found;
}

/** An entry of one number. */
function writeEntry(file: Buffer, at: number, key: number, value: number): void {
  const little = isLittle(file);
  const big = numbersOf(file)(2, 2) === 43;
  const write = (number: number, offset: number, bytes: number) =>
    little ? file.writeUIntLE(number, offset, bytes) : file.writeUIntBE(number, offset, bytes);
  write(key, at, 2);
  write(long, at + 2, 2);
  file.fill(0, at + 4, at + (big ? 20 : 12));
  write(1, big && !little ? at + 8 : at + 4, 4);
  write(value, big ? at + 12 : at + 8, 4);
}

const isLittle = (file: Buffer): boolean => file[0] === 0x49;

function numbersOf(file: Buffer): (at: number, bytes: 1 | 2 | 4 | 8) => number {
  const little = isLittle(file);
  return (at, bytes) => {
    if (bytes === 8) return Number(little ? file.readBigUInt64LE(at) : file.readBigUInt64BE(at));
    return little ? file.readUIntLE(at, bytes) : file.readUIntBE(at, bytes);
  };
}
