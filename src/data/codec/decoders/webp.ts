/** WebP pictures: the first frame of an animation. */
import type { RgbImage } from "../../pixels/image.js";
import { decodeWithSharp } from "./sharp.js";
import { cut } from "./undecodable.js";

/** Reads a WebP, for an animation its first frame; throws Undecodable. */
export async function decodeWebp(bytes: Uint8Array, maxPixels: number, alpha = false): Promise<RgbImage> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // The header states the length.
  if (file.length < 12 || file.length < 8 + file.readUInt32LE(4)) throw cut();
  return decodeWithSharp(bytes, { loader: "webp", maxPixels, alpha });
}
