/** TIFFs in tiles that are larger than their picture: the pixels come out as they were put in, as with Pillow. */
import { deflateSync } from "node:zlib";
import { expect, it } from "vitest";
import { decodeImage } from "../decode.js";

const [width, height] = [50, 40];
const value = (x: number, y: number, c: number): number => (x * 7 + y * 13 + c * 101) & 255;

/** A little-endian TIFF of the picture in tiles of this size, what lies beyond the picture filled with 200. */
function tiled(tileWidth: number, tileHeight: number, samples: 1 | 3, compressed: boolean): Buffer {
  const [across, down] = [Math.ceil(width / tileWidth), Math.ceil(height / tileHeight)];
  const tiles = Array.from({ length: across * down }, (_, i) => {
    const bytes = Buffer.alloc(tileWidth * tileHeight * samples, 200);
    const [left, top] = [(i % across) * tileWidth, Math.floor(i / across) * tileHeight];
    for (let y = 0; y < Math.min(tileHeight, height - top); y++)
      for (let x = 0; x < Math.min(tileWidth, width - left); x++)
        for (let c = 0; c < samples; c++) bytes[(y * tileWidth + x) * samples + c] = value(left + x, top + y, c);
    return compressed ? deflateSync(bytes) : bytes;
  });
  const offsets: number[] = [];
  let end = 8;
  for (const tile of tiles) {
    offsets.push(end);
    end += tile.length;
  }
  const longs = (values: readonly number[]) => {
    const bytes = Buffer.alloc(4 * values.length);
    for (const [i, n] of values.entries()) bytes.writeUInt32LE(n, 4 * i);
    return bytes;
  };
  const entries: readonly (readonly [tag: number, values: readonly number[]])[] = [
    [256, [width]],
    [257, [height]],
    [258, Array.from({ length: samples }, () => 8)],
    [259, [compressed ? 8 : 1]],
    [262, [samples === 3 ? 2 : 1]],
    [277, [samples]],
    [322, [tileWidth]],
    [323, [tileHeight]],
    [324, offsets],
    [325, tiles.map((tile) => tile.length)],
  ];
  const directory = Buffer.alloc(2 + 12 * entries.length + 4);
  directory.writeUInt16LE(entries.length, 0);
  const beyond: Buffer[] = [];
  let at = end + directory.length;
  for (const [i, [tag, values]] of entries.entries()) {
    const entry = 2 + 12 * i;
    const bytes = longs(values);
    directory.writeUInt16LE(tag, entry);
    directory.writeUInt16LE(4, entry + 2);
    directory.writeUInt32LE(values.length, entry + 4);
    if (values.length === 1) bytes.copy(directory, entry + 8);
    else {
      directory.writeUInt32LE(at, entry + 8);
      beyond.push(bytes);
      at += bytes.length;
    }
  }
  const head = Buffer.from("II*\0\0\0\0\0", "latin1");
  head.writeUInt32LE(end, 4);
  return Buffer.concat([head, ...tiles, directory, ...beyond]);
}

it.each([
  [512, 512, 3, true],
  [16_384, 16, 3, true],
  [64, 16_384, 3, true],
  [16, 10_016, 3, true],
  [10_016, 16, 1, false],
  [64, 48, 3, false],
] as const)("tiles of %i by %i with %i samples are read", async (tileWidth, tileHeight, samples, compressed) => {
  const image = await decodeImage(tiled(tileWidth, tileHeight, samples, compressed), { name: "x.tif" });
  expect([image.width, image.height]).toEqual([width, height]);
  const expected = Array.from({ length: width * height * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return value(pixel % width, Math.floor(pixel / width), samples === 3 ? i % 3 : 0);
  });
  expect([...image.data]).toEqual(expected);
});

it("tiles of more pixels than allowed are refused with a clear message, and not read", async () => {
  const file = tiled(16, 10_016, 1, false);
  await expect(decodeImage(file, { name: "x.tif", maxPixels: 100_000 })).rejects.toThrow(
    /^"x.tif" is a TIFF of 50×40 pixels in tiles of 16×10016, which is not read here; convert it to JPEG or PNG\.$/,
  );
});
