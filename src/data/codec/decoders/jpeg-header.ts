/** What stands before the picture in a JPEG: its segments, and its size among them. */
import type { Size } from "../../pixels/image.js";

/** Marker of the segment that the picture's data follow. */
export const startOfScan = 0xda;

export function isJpeg(bytes: Uint8Array): boolean {
  return bytes.length > 3 && bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/** Segments of a JPEG: marker and position. Ends at a fault, in the data of the first scan, or where the data does. */
export function* jpegSegments(bytes: Uint8Array): Generator<{ readonly marker: number; readonly at: number }, void> {
  for (let at = 2; at + 3 < bytes.length; ) {
    if (bytes[at] !== 0xff) return;
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++;
      continue;
    }
    yield { marker, at };
    at += 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
  }
}

/** Where the segments of a JPEG end: at its first scan, at a fault, or where the data does. */
export function endOfJpegHead(bytes: Uint8Array): number {
  let end = 2;
  for (const { marker, at } of jpegSegments(bytes)) {
    if (marker === startOfScan) return at;
    end = at + 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
  }
  return end;
}

export interface JpegHeader extends Size {
  /** Of a value. */
  readonly bits: number;
  readonly components: number;
  /** Whether the picture comes in several scans, each of all of it: as a progressive one does, or one colour at a time. */
  readonly scans: boolean;
  /** Values for each pixel: 3 of three components, 1.5 where two of them have half the width and height. */
  readonly values: number;
}

/** What the frame header of a JPEG says, if one is found. */
export function jpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  for (const { marker, at } of jpegSegments(bytes)) {
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame && at + 9 < bytes.length) {
      const components = bytes[at + 9];
      return {
        bits: bytes[at + 4],
        height: (bytes[at + 5] << 8) | bytes[at + 6],
        width: (bytes[at + 7] << 8) | bytes[at + 8],
        components,
        scans: (marker & 3) === 2 || componentsOfScan(bytes) < components,
        values: valuesPerPixel(bytes.subarray(at + 10, at + 10 + 3 * components)),
      };
    }
  }
  return undefined;
}

/** How many components the first scan has; endless where there is none. */
function componentsOfScan(bytes: Uint8Array): number {
  for (const { marker, at } of jpegSegments(bytes)) if (marker === startOfScan) return bytes[at + 4] ?? Infinity;
  return Infinity;
}

/** From the components' descriptions, three bytes each, the second with the factors of its sampling. */
function valuesPerPixel(described: Uint8Array): number {
  const factors = Array.from({ length: Math.floor(described.length / 3) }, (_, i) => described[3 * i + 1]);
  const most = (of: (both: number) => number) => Math.max(1, ...factors.map(of));
  const all = factors.reduce((sum, both) => sum + (both >> 4) * (both & 15), 0);
  return all / (most((both) => both >> 4) * most((both) => both & 15));
}
