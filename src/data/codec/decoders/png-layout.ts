/** The chunks of a PNG. */
import { crc32 } from "../../../formats/crc32.js";
import type { Size } from "../../pixels/image.js";

/** Eight bits a value, stored row by row: the colour types whose pixels are one, three or four bytes. */
export type PlainColour = "grey" | "rgb" | "palette" | "rgba";

/** A regular PNG of a plain kind: nothing in it is damaged, missing or out of place. */
export interface PlainPng extends Size {
  readonly colour: PlainColour;
  /** Red, green and blue of each number, where the colour is one. */
  readonly palette?: Uint8Array;
  /** Whether one of the colours is transparent, or a part of the palette. */
  readonly transparency: boolean;
  /** The compressed rows. */
  readonly compressed: readonly Uint8Array[];
}

/** Offsets in the file of the header's fields, and of its end. */
export const pngHead = { width: 16, height: 20, depth: 24, colour: 25, method: 26, interlace: 28, end: 33 } as const;

/** The first bytes of every PNG. */
export const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

const colours: Readonly<Record<number, PlainColour>> = { 0: "grey", 2: "rgb", 3: "palette", 6: "rgba" };

/** As in libpng, which refuses longer sides. */
const longestSide = 1_000_000;

/**
 * The layout of a file that is regular in all that could matter to its pixels, with the checksums of all chunks; undefined for
 * any other file, damaged or only unusual.
 */
export function plainPng(file: Buffer): PlainPng | undefined {
  const start = startOf(file);
  if (!start) return undefined;
  const compressed: Uint8Array[] = [];
  let palette: Uint8Array | undefined;
  let transparency = false;
  let before = "IHDR";
  for (const { type, data } of chunks(file)) {
    switch (type) {
      case "IHDR":
        break;
      case "PLTE":
        if (palette || compressed.length > 0 || start.colour === "grey") return undefined;
        if (data.length === 0 || data.length % 3 !== 0 || data.length > 768) return undefined;
        palette = data;
        break;
      case "tRNS":
        transparency = true;
        break;
      case "IDAT":
        if (compressed.length > 0 && before !== "IDAT") return undefined;
        compressed.push(data);
        break;
      case "IEND":
        if (compressed.length === 0 || (start.colour === "palette" && !palette)) return undefined;
        return { ...start, palette: start.colour === "palette" ? palette : undefined, transparency, compressed };
      default:
        // An upper-case letter says that the picture cannot be understood without the chunk.
        if (type[0] <= "Z") return undefined;
    }
    before = type;
  }
  return undefined;
}

/** Whether the first chunk is the header, as it must be. */
export const startsWithHeader = (bytes: Uint8Array): boolean =>
  bytes.length >= pngHead.end && [..."IHDR"].every((letter, i) => bytes[12 + i] === letter.charCodeAt(0));

/** Size and colours as the header states them, if it is one of a plain kind. */
function startOf(file: Buffer): (Size & { readonly colour: PlainColour }) | undefined {
  if (!startsWithHeader(file) || !pngSignature.every((byte, i) => file[i] === byte)) return undefined;
  if (file.readUInt32BE(8) !== 13) return undefined;
  const width = file.readUInt32BE(pngHead.width);
  const height = file.readUInt32BE(pngHead.height);
  if (width < 1 || height < 1 || width > longestSide || height > longestSide) return undefined;
  const colour = colours[file[pngHead.colour]];
  const plain = file[pngHead.depth] === 8 && file.readUInt16BE(pngHead.method) === 0 && file[pngHead.interlace] === 0;
  return plain && colour !== undefined ? { width, height, colour } : undefined;
}

/** The chunks in order, up to a second header or to one that is not regular; `IEND` is the last. */
function* chunks(file: Buffer): Generator<{ readonly type: string; readonly data: Uint8Array }, void> {
  for (let at = pngSignature.length; at + 12 <= file.length; ) {
    const end = at + 8 + file.readUInt32BE(at);
    const type = file.toString("latin1", at + 4, at + 8);
    if (end + 4 > file.length || !/^[A-Za-z]{4}$/.test(type)) return;
    if (crc32(file.subarray(at + 4, end)) !== file.readUInt32BE(end)) return;
    if (type === "IHDR" && at !== pngSignature.length) return;
    yield { type, data: file.subarray(at + 8, end) };
    at = end + 4;
  }
}
