/** PNG pictures. */
import type { RgbImage, Size } from "../../pixels/image.js";
import { decodeWithSharp } from "./sharp.js";
import { checkMemory, checkSize, cut } from "./undecodable.js";

/** Reads a PNG, for an animation its default image; throws Undecodable. */
export async function decodePng(bytes: Uint8Array, maxPixels: number, alpha = false): Promise<RgbImage> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.lastIndexOf("IEND") < 0) throw cut();
  checkInterlaced(file, maxPixels);
  return decodeWithSharp(bytes, { loader: "png", maxPixels, alpha });
}

/** Offsets in the header of size, colour type and interlacing. */
const head = { width: 16, height: 20, depth: 24, colour: 25, interlace: 28, end: 33 };

/** Values per pixel by colour type: grey, RGB, palette, grey with alpha, RGB with alpha. */
const valuesOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 4, 4: 2, 6: 4 };

const signature = [0x89, 0x50, 0x4e, 0x47];

export const isPng = (bytes: Uint8Array): boolean => signature.every((byte, i) => bytes[i] === byte);

/** The size that the header states, if the bytes contain it. */
export function pngSize(bytes: Uint8Array): Size | undefined {
  if (bytes.length < head.end) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { width: view.getUint32(head.width), height: view.getUint32(head.height) };
}

/** Throws if an interlaced picture is too large to be held in memory. */
function checkInterlaced(file: Buffer, maxPixels: number): void {
  if (file.length < head.end || file[head.interlace] === 0) return;
  const size = { width: file.readUInt32BE(head.width), height: file.readUInt32BE(head.height) };
  checkSize(size.width, size.height, maxPixels);
  const [colour, wide] = [file[head.colour], file[head.depth] === 16];
  // A transparent colour becomes an additional value of each pixel.
  const beside = (colour === 0 || colour === 2) && file.subarray(0, file.indexOf("IDAT")).includes("tRNS") ? 1 : 0;
  checkMemory("an interlaced PNG", size, ((valuesOf[colour] ?? 4) + beside) * (wide ? 2 : 1));
}
