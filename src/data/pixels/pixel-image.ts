/** Pixels as callers have them. */
import { UsageError } from "../../errors/errors.js";
import type { RgbImage } from "./image.js";

/** Decoded pixels, row by row: three bytes each (RGB) or four (RGBA, as a canvas gives them, whose alpha counts for models of four channels). */
export interface PixelImage {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** `width · height` times three or four bytes. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/**
 * The pixels, and alpha where there are four bytes of each. `name` begins the message of the UsageError for numbers that are not bytes, or for a size that
 * does not fit them.
 */
export function rgbOf({ width, height, data }: PixelImage, name: string): RgbImage {
  // Other numbers would be cut to bytes: those from 0 to 1 to black images.
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray))
    throw new UsageError(
      `The pixels of ${name} are not bytes; give them as 0 to 255 in a Uint8Array or a Uint8ClampedArray.`,
    );
  const pixels = width * height;
  if (!Number.isInteger(width) || !Number.isInteger(height) || pixels <= 0)
    throw new UsageError(`${capital(name)} has ${width}×${height} pixels; give whole numbers, 1 or more.`);
  if (data.length === 3 * pixels)
    return { width, height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) };
  if (data.length !== 4 * pixels)
    throw new UsageError(
      `${capital(name)} has ${width}×${height} pixels, but ${data.length} bytes; give ${3 * pixels} (RGB) or ${4 * pixels} (RGBA).`,
    );
  const out = new Uint8Array(3 * pixels);
  const alpha = new Uint8Array(pixels);
  for (let i = 0; i < pixels; i++) {
    out.set(data.subarray(4 * i, 4 * i + 3), 3 * i);
    alpha[i] = data[4 * i + 3];
  }
  return { width, height, data: out, alpha };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
