/** PNG pictures. */
import type { RgbImage } from "../image.js";
import { decodeWithSharp } from "./sharp.js";
import { cut } from "./undecodable.js";

/** Reads a PNG, of an animation the picture that is no frame's; throws Undecodable. */
export async function decodePng(bytes: Uint8Array, maxPixels: number): Promise<RgbImage> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.lastIndexOf("IEND") < 0) throw cut();
  return decodeWithSharp(bytes, { loader: "png", maxPixels });
}
