/** PNG pictures. */
import type { RgbImage } from "../../pixels/image.js";
import { decodeWithSharp } from "./sharp.js";
import { checkMemory, checkSize, cut } from "./undecodable.js";

/** Reads a PNG, of an animation the picture that is not part of the animation; throws Undecodable. */
export async function decodePng(bytes: Uint8Array, maxPixels: number): Promise<RgbImage> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.lastIndexOf("IEND") < 0) throw cut();
  checkInterlaced(file, maxPixels);
  return decodeWithSharp(bytes, { loader: "png", maxPixels });
}

/** Where the head of the picture tells its size, its kind and whether it is interlaced. */
const head = { width: 16, height: 20, depth: 24, colour: 25, interlace: 28, end: 33 };

/** Values for each pixel, by the number of the kind: grey, colours, palette, grey with alpha, colours with alpha. */
const valuesOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 4, 4: 2, 6: 4 };

/** Throws where an interlaced picture is too large to be held whole. */
function checkInterlaced(file: Buffer, maxPixels: number): void {
  if (file.length < head.end || file[head.interlace] === 0) return;
  const size = { width: file.readUInt32BE(head.width), height: file.readUInt32BE(head.height) };
  checkSize(size.width, size.height, maxPixels);
  const [colour, wide] = [file[head.colour], file[head.depth] === 16];
  // Transparency beside the picture becomes a value of each pixel.
  const beside = (colour === 0 || colour === 2) && file.subarray(0, file.indexOf("IDAT")).includes("tRNS") ? 1 : 0;
  checkMemory("an interlaced PNG", size, ((valuesOf[colour] ?? 4) + beside) * (wide ? 2 : 1));
}
