/**
 * The structure of an AVIF file. Its transforms (rotation, mirror, aperture) are removed before decoding: Pillow
 * returns the picture as stored, and its orientation as that of EXIF.
 */
import type { RgbImage } from "../../pixels/image.js";
import type { Orientation } from "../../pixels/orientation.js";
import { decodeWithSharp } from "./sharp.js";
import { checkMemory, damaged } from "./undecodable.js";

/** A box inside the file: the range of its content. */
interface Box {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

interface Property extends Box {
  /** Its number, from 1, by which items refer to it. */
  readonly index: number;
}

/**
 * The file without its transforms, an animation as a still picture; and the orientation that the transforms specify.
 */
export interface StillAvif {
  readonly bytes: Uint8Array;
  readonly orientation: Orientation;
}

/** Reads the picture as stored, or the first frame of an animation; throws Undecodable. */
export async function decodeAvif(bytes: Uint8Array, maxPixels: number, alpha = false): Promise<RgbImage> {
  return decodeWithSharp(openAvif(bytes).bytes, {
    loader: "heif",
    maxPixels,
    alpha,
    check: (about) => checkMemory("an AVIF", about, heldWhole[about.depth === "uchar" ? "bytes" : "words"]),
  });
}

/** Bytes per pixel that the decoder was measured to hold besides RGB, for 8 bits and for 10 or 12. */
const heldWhole = { bytes: 17, words: 23 };

/** Throws Undecodable if boxes point outside the file. */
export function openAvif(bytes: Uint8Array): StillAvif {
  try {
    return stillAvif(bytes);
  } catch (error) {
    throw error instanceof RangeError ? damaged() : error;
  }
}

/** Throws RangeError if boxes point outside the file. */
function stillAvif(bytes: Uint8Array): StillAvif {
  const file = Buffer.from(bytes); // a copy, which may be changed
  const top = boxes(file, 0, file.length);
  // An animation also contains its first frame as a picture, which is read if the file declares itself a picture.
  if (file.toString("latin1", 8, 12) === "avis") file.write("avif", 8, "latin1");
  const meta = top.find(({ type }) => type === "meta");
  if (!meta) return { bytes: file, orientation: 1 };
  const inMeta = boxes(file, meta.start + 4, meta.end);
  const iprp = inMeta.find(({ type }) => type === "iprp");
  if (!iprp) return { bytes: file, orientation: 1 };
  const inIprp = boxes(file, iprp.start, iprp.end);
  const ipco = inIprp.find(({ type }) => type === "ipco");
  const properties = ipco ? boxes(file, ipco.start, ipco.end).map((box, i) => ({ ...box, index: i + 1 })) : [];
  const pitm = inMeta.find(({ type }) => type === "pitm");
  const primary =
    pitm && (file[pitm.start] === 0 ? file.readUInt16BE(pitm.start + 4) : file.readUInt32BE(pitm.start + 4));
  const own = new Set(
    inIprp.filter(({ type }) => type === "ipma").flatMap((ipma) => associations(file, ipma, primary ?? -1)),
  );
  const orientation = orientationOf(
    file,
    properties.filter(({ index }) => own.has(index)),
  );
  for (const property of properties) neutralise(file, property);
  return { bytes: file, orientation };
}

function boxes(file: Buffer, from: number, to: number): Box[] {
  const found: Box[] = [];
  for (let at = from; at + 8 <= to; ) {
    let size = file.readUInt32BE(at);
    let start = at + 8;
    if (size === 1) {
      size = Number(file.readBigUInt64BE(at + 8));
      start += 8;
    } else if (size === 0) size = to - at;
    if (size < start - at || at + size > to) break;
    found.push({ type: file.toString("latin1", at + 4, at + 8), start, end: at + size });
    at += size;
  }
  return found;
}

/** Indices of the properties of an item. */
function associations(file: Buffer, { start, end }: Box, item: number): number[] {
  const [version, wide] = [file[start], (file[start + 3] & 1) === 1];
  let at = start + 8;
  for (let entries = file.readUInt32BE(start + 4); entries > 0 && at < end; entries--) {
    const id = version === 0 ? file.readUInt16BE(at) : file.readUInt32BE(at);
    at += version === 0 ? 2 : 4;
    const count = file[at++];
    const numbers = Array.from({ length: count }, (_, i) =>
      wide ? file.readUInt16BE(at + 2 * i) & 0x7fff : file.readUInt8(at + i) & 0x7f,
    );
    if (id === item) return numbers;
    at += count * (wide ? 2 : 1);
  }
  return [];
}

/** Rotation (in quarter turns, anticlockwise) comes first, then the mirror: 0 upside down, 1 left to right. */
function orientationOf(file: Buffer, properties: readonly Property[]): Orientation {
  const value = (type: string) => {
    const box = properties.find((property) => property.type === type);
    return box && file[box.start];
  };
  const turned = (value("irot") ?? 0) & 3;
  const mirror = value("imir");
  if (mirror === undefined) return ([1, 8, 3, 6] as const)[turned];
  return (mirror & 1) === 1 ? ([2, 7, 4, 5] as const)[turned] : ([4, 5, 2, 7] as const)[turned];
}

/** Replaces a transform in place by one that does nothing. */
function neutralise(file: Buffer, { type, start, end }: Property): void {
  if (type !== "irot" && type !== "imir" && type !== "clap") return;
  file.write("irot", start - 4, "latin1");
  file.fill(0, start, end);
}
