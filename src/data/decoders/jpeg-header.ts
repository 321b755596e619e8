/** What stands before the picture in a JPEG: its segments, and its size among them. */
import type { Size } from "../image.js";

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
}

/** What the frame header of a JPEG says, if one is found. */
export function jpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  for (const { marker, at } of jpegSegments(bytes)) {
    const frame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (frame && at + 9 < bytes.length) {
      return {
        bits: bytes[at + 4],
        height: (bytes[at + 5] << 8) | bytes[at + 6],
        width: (bytes[at + 7] << 8) | bytes[at + 8],
        components: bytes[at + 9],
      };
    }
  }
  return undefined;
}
