/** PNG pictures. */
import { manyPixels } from "../../pixels/huge-pictures.js";
import type { RgbImage, Size } from "../../pixels/image.js";
import type { DecoderOptions } from "./options.js";
import { plainPng, pngHead, pngSignature, startsWithHeader } from "./png-layout.js";
import { pngPixels } from "./png-pixels.js";
import { decodeWithSharp } from "./sharp.js";
import { checkMemory, checkSize, cut } from "./undecodable.js";

/** Reads a PNG, for an animation its default image; throws Undecodable. */
export async function decodePng(bytes: Uint8Array, { maxPixels, alpha, allocate }: DecoderOptions): Promise<RgbImage> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.lastIndexOf("IEND") < 0) throw cut();
  const plain = plainPng(file);
  if (plain) checkSize(plain.width, plain.height, maxPixels);
  // libvips has the other kinds and says what is wrong with damaged ones. It reads row by row, so that huge ones take no more
  // memory than their pixels.
  if (plain && !(alpha && plain.transparency) && plain.width * plain.height <= manyPixels) {
    const image = pngPixels(plain, alpha, allocate);
    if (image) return image;
  }
  checkInterlaced(file, maxPixels);
  return decodeWithSharp(bytes, { loader: "png", maxPixels, alpha });
}

/** Values per pixel by colour type: grey, RGB, palette, grey with alpha, RGB with alpha. */
const valuesOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 4, 4: 2, 6: 4 };

/** By the half of the signature that no text begins with. */
export const isPng = (bytes: Uint8Array): boolean => pngSignature.slice(0, 4).every((byte, i) => bytes[i] === byte);

/** The size that the header states, if the bytes contain it. */
export function pngSize(bytes: Uint8Array): Size | undefined {
  if (!startsWithHeader(bytes)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { width: view.getUint32(pngHead.width), height: view.getUint32(pngHead.height) };
}

/** Throws if an interlaced picture is too large to be held in memory. */
function checkInterlaced(file: Buffer, maxPixels: number): void {
  if (!startsWithHeader(file) || file[pngHead.interlace] === 0) return;
  const size = { width: file.readUInt32BE(pngHead.width), height: file.readUInt32BE(pngHead.height) };
  checkSize(size.width, size.height, maxPixels);
  const [colour, wide] = [file[pngHead.colour], file[pngHead.depth] === 16];
  // A transparent colour becomes an additional value of each pixel.
  const beside = (colour === 0 || colour === 2) && file.subarray(0, file.indexOf("IDAT")).includes("tRNS") ? 1 : 0;
  checkMemory("an interlaced PNG", size, ((valuesOf[colour] ?? 4) + beside) * (wide ? 2 : 1));
}
