/** WebP pictures: the first frame of an animation. */
import type { RgbImage } from "../../pixels/image.js";
import { decodeWithSharp } from "./sharp.js";
import { cut } from "./undecodable.js";

/** Reads a WebP, of an animation the first frame; throws Undecodable. */
export async function decodeWebp(bytes: Uint8Array, maxPixels: number): Promise<RgbImage> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // It says at its beginning how long it is.
  if (file.length < 12 || file.length < 8 + file.readUInt32LE(4)) throw cut();
  return decodeWithSharp(bytes, { loader: "webp", maxPixels });
}
