/** PNGs written here, row by row with any filter, are read as what was written. */
import { crc32, deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodePng } from "./png.js";
import { plainPng } from "./png-layout.js";
import { pngPixels } from "./png-pixels.js";
import { Undecodable } from "./undecodable.js";

const colourTypes = { grey: 0, rgb: 2, palette: 3, rgba: 6 } as const;
const bytesOf = { grey: 1, rgb: 3, palette: 1, rgba: 4 } as const;
type Colour = keyof typeof colourTypes;

interface Drawn {
  readonly colour: Colour;
  readonly width: number;
  readonly height: number;
  /** The values, row by row. */
  readonly values: Uint8Array;
  /** The filter of each row. */
  readonly filters: readonly number[];
}

function chunk(type: string, data: Uint8Array): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(type, "latin1"), data, Buffer.alloc(4)]);
  bytes.writeUInt32BE(data.length, 0);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4);
  return bytes;
}

const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

function header({ colour, width, height }: Drawn): Buffer {
  const bytes = Buffer.alloc(13);
  bytes.writeUInt32BE(width, 0);
  bytes.writeUInt32BE(height, 4);
  bytes.set([8, colourTypes[colour], 0, 0, 0], 8);
  return chunk("IHDR", bytes);
}

/** The rows as a writer filters them, in the words of the specification. */
function filtered({ colour, width, height, values, filters }: Drawn): Buffer {
  const [step, length] = [bytesOf[colour], bytesOf[colour] * width];
  const out = Buffer.alloc(height * (length + 1));
  for (let y = 0; y < height; y++) {
    out[y * (length + 1)] = filters[y];
    for (let x = 0; x < length; x++) {
      const at = (dx: number, dy: number) => (x < dx || y < dy ? 0 : values[(y - dy) * length + x - dx]);
      const [a, b, c] = [at(step, 0), at(0, 1), x < step || y < 1 ? 0 : at(step, 1)];
      const [pa, pb, pc] = [a, b, c].map((value) => Math.abs(a + b - c - value));
      const paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      out[y * (length + 1) + 1 + x] = at(0, 0) - [0, a, b, (a + b) >> 1, paeth][filters[y]];
    }
  }
  return out;
}

/** Red, green and blue of 200 colours; numbers beyond them are black. */
const palette = Uint8Array.from({ length: 600 }, (_, i) => (i * 89 + 7) & 255);

function png(drawn: Drawn, compressed = deflateSync(filtered(drawn)), pieces = 1): Buffer {
  const size = Math.ceil(compressed.length / pieces);
  const data = Array.from({ length: pieces }, (_, i) => chunk("IDAT", compressed.subarray(i * size, (i + 1) * size)));
  const colours = drawn.colour === "palette" ? [chunk("PLTE", palette)] : [];
  return Buffer.concat([signature, header(drawn), ...colours, ...data, chunk("IEND", new Uint8Array(0))]);
}

function rgb({ colour, width, height, values }: Drawn): Uint8Array {
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / 3), i % 3];
    if (colour === "palette") return palette[3 * values[pixel] + channel] ?? 0;
    return values[pixel * bytesOf[colour] + (colour === "grey" ? 0 : channel)];
  });
}

const drawings: fc.Arbitrary<Drawn> = fc
  .record({
    colour: fc.constantFrom<Colour>("grey", "rgb", "palette", "rgba"),
    width: fc.integer({ min: 1, max: 70 }),
    height: fc.integer({ min: 1, max: 20 }),
  })
  .chain((kind) => {
    const length = kind.width * kind.height * bytesOf[kind.colour];
    return fc.record({
      ...{ colour: fc.constant(kind.colour), width: fc.constant(kind.width), height: fc.constant(kind.height) },
      values: fc.uint8Array({ minLength: length, maxLength: length }),
      filters: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: kind.height, maxLength: kind.height }),
    });
  });

const fresh = (bytes: number) => new Uint8Array(bytes);
const options = { maxPixels: 1e9, alpha: false, allocate: fresh };
const noise = (length: number) => Uint8Array.from({ length }, (_, i) => Math.imul(i, 2654435761) >>> 24);

describe("plain PNGs", () => {
  it("have the values that were written, of every colour type, with every filter", async () => {
    await fc.assert(
      fc.property(drawings, fc.integer({ min: 1, max: 3 }), (drawn, pieces) => {
        const layout = plainPng(png(drawn, undefined, pieces));
        const { width, height, data } = pngPixels(layout!, false, fresh)!;
        expect([width, height]).toEqual([drawn.width, drawn.height]);
        expect(Buffer.compare(data, rgb(drawn))).toBe(0);
      }),
    );
  });

  it("have their alpha on request", () => {
    const drawn: Drawn = { colour: "rgba", width: 7, height: 3, values: noise(84), filters: [1, 3, 4] };
    const { data, alpha } = pngPixels(plainPng(png(drawn))!, true, fresh)!;
    expect(Buffer.compare(data, rgb(drawn))).toBe(0);
    expect([...alpha!]).toEqual([...drawn.values].filter((_, i) => i % 4 === 3));
  });

  it.each<Colour>(["grey", "rgb", "palette", "rgba"])("of many bands of rows are as written: %s", (colour) => {
    const [width, height] = [301, 600];
    const values = noise(width * height * bytesOf[colour]);
    const drawn: Drawn = { colour, width, height, values, filters: Array.from({ length: height }, (_, y) => y % 5) };
    expect(Buffer.compare(pngPixels(plainPng(png(drawn))!, false, fresh)!.data, rgb(drawn))).toBe(0);
  });
});

describe("what is not regular is left to libvips", () => {
  const drawn: Drawn = { colour: "rgb", width: 5, height: 4, values: noise(60), filters: [4, 3, 2, 1] };
  const regular = png(drawn);
  const inserted = (...chunks: readonly Buffer[]) =>
    Buffer.concat([regular.subarray(0, 33), ...chunks, regular.subarray(33)]);
  const changed = (at: number) => Buffer.from(regular.map((byte, i) => (i === at ? byte ^ 1 : byte)));
  const none = new Uint8Array(0);

  it.each([
    ["a wrong checksum of the data", changed(regular.length - 14)],
    ["a wrong checksum of the header", changed(30)],
    ["a second header", inserted(header(drawn))],
    ["an unknown chunk that matters", inserted(chunk("ABCD", none))],
    ["a chunk without a name", inserted(chunk("a\0cd", none))],
    ["data in two places", inserted(chunk("IDAT", none), chunk("tEXt", none))],
    ["a palette of parts of colours", inserted(chunk("PLTE", new Uint8Array(4)))],
    ["no end", regular.subarray(0, -12)],
    ["no data", Buffer.concat([regular.subarray(0, 33), chunk("IEND", none)])],
    ["a line break that was changed on the way", changed(4)],
  ])("%s", (_, file) => {
    expect(plainPng(file)).toBeUndefined();
  });

  it.each([
    ["fewer rows than its height", deflateSync(filtered(drawn).subarray(0, -16))],
    ["more rows than its height", deflateSync(Buffer.concat([filtered(drawn), Buffer.alloc(16)]))],
    ["data behind the rows", Buffer.concat([deflateSync(filtered(drawn)), Buffer.from("more")])],
    ["rows with a wrong checksum", deflateSync(filtered(drawn)).map((byte, i, all) => byte ^ +(i === all.length - 1))],
    ["a filter that does not exist", deflateSync(filtered(drawn).fill(5, 0, 1))],
    ["no compressed data", Buffer.from("none")],
  ])("%s", (_, compressed) => {
    expect(pngPixels(plainPng(png(drawn, compressed as Buffer<ArrayBuffer>))!, false, fresh)).toBeUndefined();
  });

  it("and refused, if it is damaged", async () => {
    for (const file of [regular.subarray(0, -20), png(drawn, deflateSync(Buffer.alloc(9)))])
      await expect(decodePng(file, options)).rejects.toThrow(Undecodable);
  });

  it("is not decompressed beyond its size", async () => {
    // 100 MB of zeros in 100 kB, as the data of 20 pixels.
    const bomb = png(drawn, deflateSync(Buffer.alloc(100_000_000)));
    expect(pngPixels(plainPng(bomb)!, false, fresh)).toBeUndefined();
  });
});
