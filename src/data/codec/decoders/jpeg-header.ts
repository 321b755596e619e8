/** The header of a JPEG: its segments, including its size. */
import type { Size } from "../../pixels/image.js";

/** Marker of the segment that precedes the picture's data. */
export const startOfScan = 0xda;

export function isJpeg(bytes: Uint8Array): boolean {
  return bytes.length > 3 && bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/**
 * Segments of a JPEG: marker and position. Stops at an error, in the data of the first scan, or at the end of the data.
 */
export function* jpegSegments(bytes: Uint8Array): Generator<{ readonly marker: number; readonly at: number }, void> {
  for (let at = segmentFrom(bytes, 2); at >= 0; at = segmentFrom(bytes, endOfSegment(bytes, at)))
    yield { marker: bytes[at + 1], at };
}

/** Position of the segment expected at `from`, after fill bytes; negative if there is none. */
function segmentFrom(bytes: Uint8Array, from: number): number {
  for (let at = from; at + 3 < bytes.length && bytes[at] === 0xff; at++) if (bytes[at + 1] !== 0xff) return at;
  return -1;
}

const endOfSegment = (bytes: Uint8Array, at: number): number => at + 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);

/** Where the segments of a JPEG end: at its first scan, at an error, or at the end of the data. */
export function endOfJpegHead(bytes: Uint8Array): number {
  let end = 2;
  for (const { marker, at } of jpegSegments(bytes)) {
    if (marker === startOfScan) return at;
    end = endOfSegment(bytes, at);
  }
  return end;
}

export interface JpegHeader extends Size {
  /** Bits of a value. */
  readonly bits: number;
  readonly components: number;
  /** Whether the picture is stored in several scans that each cover all of it: progressive, or one colour at a time. */
  readonly scans: boolean;
  /** Values per pixel: 3 for three components, 1.5 if two of them have half the width and height. */
  readonly values: number;
}

/**
 * The frame header of a JPEG, if there is one. It is needed for every picture, so the segments are read in one pass.
 */
export function jpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  /** The first frame header, and the number of components of the first scan; Infinity if there is none. */
  let [frame, frameMarker, scanned] = [-1, 0, Infinity];
  for (let at = segmentFrom(bytes, 2); at >= 0; at = segmentFrom(bytes, endOfSegment(bytes, at))) {
    const marker = bytes[at + 1];
    if (marker === startOfScan) {
      if (scanned === Infinity) scanned = bytes[at + 4] ?? Infinity;
      if (frame >= 0) break;
    } else if (frame < 0 && isFrame(marker) && at + 9 < bytes.length) {
      [frame, frameMarker] = [at, marker];
      if (scanned < Infinity) break;
    }
  }
  if (frame < 0) return undefined;
  const components = bytes[frame + 9];
  return {
    bits: bytes[frame + 4],
    height: (bytes[frame + 5] << 8) | bytes[frame + 6],
    width: (bytes[frame + 7] << 8) | bytes[frame + 8],
    components,
    scans: (frameMarker & 3) === 2 || scanned < components,
    values: valuesPerPixel(bytes, frame + 10, components),
  };
}

const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

/** From the component descriptions, three bytes each, the second with the sampling factors. */
function valuesPerPixel(bytes: Uint8Array, described: number, components: number): number {
  let [all, across, down] = [0, 1, 1];
  for (let i = 0; i < components; i++) {
    const both = bytes[described + 3 * i + 1] ?? 0;
    all += (both >> 4) * (both & 15);
    across = Math.max(across, both >> 4);
    down = Math.max(down, both & 15);
  }
  return all / (across * down);
}
