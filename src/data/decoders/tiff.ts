import type { RgbImage } from "../image.js";
import { decodeWithSharp } from "./sharp.js";

export async function decodeTiff(bytes: Uint8Array, maxPixels: number): Promise<RgbImage> {
  return decodeWithSharp(bytes, { loader: "tiff", maxPixels, failOn: "error" });
}
