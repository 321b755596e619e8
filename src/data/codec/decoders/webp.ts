/** WebP pictures: the first frame of an animation. */
import { manyPixels } from "../../pixels/huge-pictures.js";
import type { RgbImage } from "../../pixels/image.js";
import type { DecoderOptions } from "./options.js";
import { decodeWithSharp } from "./sharp.js";
import { cut } from "./undecodable.js";
import { plainWebp } from "./webp-layout.js";
import { webpPixels } from "./webp-pixels.js";

/** Reads a WebP, for an animation its first frame; throws Undecodable. */
export async function decodeWebp(bytes: Uint8Array, { maxPixels, alpha, allocate }: DecoderOptions): Promise<RgbImage> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // The header states the length.
  if (file.length < 12 || file.length < 8 + file.readUInt32LE(4)) throw cut();
  const plain = plainWebp(file);
  // libvips has animations and transparency, and says what is wrong with damaged and with too large files. It reads row by row,
  // so that huge ones take no more memory than their pixels.
  if (plain && !alpha && plain.width * plain.height <= Math.min(manyPixels, maxPixels)) {
    const image = await webpPixels(plain, allocate);
    if (image) return image;
  }
  return decodeWithSharp(bytes, { loader: "webp", maxPixels, alpha });
}
