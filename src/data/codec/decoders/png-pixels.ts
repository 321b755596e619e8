/**
 * The pixels of plain PNG files, three times as fast as through libvips: zlib decompresses the rows, and compiled kernels
 * make pixels of them.
 */
import { constants, inflateSync } from "node:zlib";
import type { RgbImage } from "../../pixels/image.js";
import { kernels } from "../../pixels/kernels/kernels.js";
import { lastFilter } from "../../pixels/kernels/png.js";
import type { PlainColour, PlainPng } from "./png-layout.js";

const bytesOf: Readonly<Record<PlainColour, number>> = { grey: 1, palette: 1, rgb: 3, rgba: 4 };

/** Rows are made into pixels this many bytes at a time, which a processor keeps at hand. */
const bandBytes = 1 << 17;

/** In memory from `allocate`; undefined if the compressed data is not exactly that of the rows. */
export function pngPixels(
  png: PlainPng,
  alpha: boolean,
  allocate: (bytes: number) => Uint8Array,
): RgbImage | undefined {
  const { width, height, colour } = png;
  const pixelBytes = bytesOf[colour];
  const rowBytes = width * pixelBytes;
  const rows = decompressed(png.compressed, height * (rowBytes + 1));
  if (!rows) return undefined;
  for (let y = 0; y < height; y++) if (rows[y * (rowBytes + 1)] > lastFilter) return undefined;

  const data = allocate(3 * width * height);
  const opacity = alpha && colour === "rgba" ? new Uint8Array(width * height) : undefined;
  const work = kernels();
  const most = Math.min(height, Math.max(1, Math.floor(bandBytes / rowBytes)));
  const filtered = work.reserve(most * (rowBytes + 1));
  const above = work.reserve((most + 1) * rowBytes);
  const plain = above + rowBytes;
  const rgb = colour === "rgb" ? plain : work.reserve(3 * (most * width + 16));
  const table = work.placeBytes(png.palette ? byColour(png.palette) : new Uint8Array(0));
  const memory = work.bytes();
  memory.fill(0, above, plain);
  for (let y = 0; y < height; y += most) {
    const count = Math.min(most, height - y);
    const [pixels, end] = [count * width, plain + count * rowBytes];
    memory.set(rows.subarray(y * (rowBytes + 1), (y + count) * (rowBytes + 1)), filtered);
    work.run.unfilter(filtered, count, rowBytes, pixelBytes, plain);
    if (colour === "rgba") work.run.dropFourth(plain, end, rgb);
    else if (colour !== "rgb") work.run.triple(plain, end, rgb);
    if (colour === "palette") work.run.lookUp(rgb, rgb + 3 * pixels, table);
    data.set(memory.subarray(rgb, rgb + 3 * pixels), 3 * y * width);
    if (opacity) for (let i = 0; i < pixels; i++) opacity[y * width + i] = memory[plain + 4 * i + 3];
    memory.copyWithin(above, end - rowBytes, end);
  }
  return { width, height, data, ...(opacity ? { alpha: opacity } : {}) };
}

/** Data that is compressed to exactly these bytes. */
function decompressed(pieces: readonly Uint8Array[], bytes: number): Uint8Array | undefined {
  const all = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
  try {
    // One byte more than is expected shows that there is more.
    const options = { chunkSize: Math.max(constants.Z_MIN_CHUNK, bytes + 1), maxOutputLength: bytes + 1, info: true };
    const { buffer, engine } = inflateSync(all, options) as unknown as {
      readonly buffer: Uint8Array;
      readonly engine: { readonly bytesWritten: number };
    };
    return buffer.length === bytes && engine.bytesWritten === all.length ? buffer : undefined;
  } catch {
    return undefined;
  }
}

/** All red values of a palette, then the green and the blue ones; numbers beyond it are black. */
function byColour(palette: Uint8Array): Uint8Array {
  const table = new Uint8Array(768);
  for (let i = 0; i < palette.length; i++) table[256 * (i % 3) + Math.floor(i / 3)] = palette[i];
  return table;
}
