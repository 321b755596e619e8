import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { FileError } from "../../errors/errors.js";
import { readSafetensors } from "../../formats/safetensors/safetensors.js";
import { RandomStream } from "../../random/stream.js";
import type { NamedTensors } from "../../tensor/index.js";
import type { RgbImage } from "../pixels/image.js";
import { applyTransform } from "../view/transform.js";
import { decodeImage, openImage } from "./decode.js";
import { fitsLimits } from "./decoders/jpeg.js";
import { jpegHeader } from "./decoders/jpeg-header.js";

const folder = new URL("../../../tests/fixtures/images/", import.meta.url).pathname;
const names = [
  "alpha.png",
  "animated.gif",
  "cmyk.jpg",
  "grey.jpg",
  "grey.png",
  "grey_alpha.png",
  "lossy.webp",
  "one_pixel.png",
  "palette.png",
  "plain.jpg",
  "plain.png",
  "plain.tiff",
  "plain.webp",
  "progressive.jpg",
  "rotated.jpg",
  "sixteen_bit.png",
  "subsampled.jpg",
];
let expected: NamedTensors;
beforeAll(async () => {
  ({ tensors: expected } = await readSafetensors(`${folder}expected.safetensors`));
});

function largest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let worst = a.length === b.length ? 0 : Infinity;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i] - b[i]));
  return worst;
}

describe("decodeImage", () => {
  it.each(names)("gives Pillow's pixels for %s", async (name) => {
    const image = await decodeImage(await readFile(folder + name), { name });
    const reference = expected.get(name)!;
    expect([image.height, image.width, 3]).toEqual([...reference.shape]);
    expect(largest(image.data, reference.data as Uint8Array)).toBeLessThanOrEqual(1);
  });

  it("is at most a few levels off on the fast path, and reads grey too", async () => {
    for (const name of ["plain.jpg", "grey.jpg", "rotated.jpg"]) {
      const image = await decodeImage(await readFile(folder + name), { name, jpeg: "fast" });
      expect(largest(image.data, expected.get(name)!.data as Uint8Array)).toBeLessThan(16);
    }
  });

  it.each(names.filter((n) => n.endsWith(".jpg")))("gives any part of %s as it is in the whole", async (name) => {
    const bytes = await readFile(folder + name);
    const whole = await decodeImage(bytes, { name });
    const picture = await openImage(bytes, { name });
    const s = new RandomStream({ seed: 4, purpose: "parts" });
    for (let i = 0; i < 40; i++) {
      const [left, top] = [s.integer(whole.width), s.integer(whole.height)];
      const box = { left, top, width: 1 + s.integer(whole.width - left), height: 1 + s.integer(whole.height - top) };
      const part = await picture.pixels(box);
      for (let y = top; y < top + box.height; y++) {
        const row = (image: RgbImage, x: number, line: number) => {
          const from = (line * image.width + x) * 3;
          return Buffer.from(image.data.subarray(from, from + box.width * 3)).toString("hex");
        };
        expect(row(part, left - part.left, y - part.top)).toBe(row(whole, left, y));
      }
    }
  });

  it("gives a half and a quarter of the size, each pixel close to the mean of those it replaces", async () => {
    const bytes = await readFile(`${folder}plain.jpg`);
    const whole = await decodeImage(bytes, { name: "x" });
    const picture = await openImage(bytes, { name: "x", jpeg: "fast" });
    for (const shrink of [2, 4] as const) {
      const size = { width: Math.ceil(whole.width / shrink), height: Math.ceil(whole.height / shrink) };
      const small = await picture.pixels({ left: 0, top: 0, ...size }, shrink);
      expect({ width: small.width, height: small.height }).toEqual(size);
      let sum = 0;
      let count = 0;
      for (let y = 0; y < Math.floor(whole.height / shrink); y++)
        for (let x = 0; x < Math.floor(whole.width / shrink) * 3; x++) {
          const [column, channel] = [Math.floor(x / 3), x % 3];
          let mean = 0;
          for (let i = 0; i < shrink * shrink; i++) {
            const [dx, dy] = [i % shrink, Math.floor(i / shrink)];
            const at = ((y * shrink + dy) * whole.width + column * shrink + dx) * 3 + channel;
            mean += whole.data[at] / shrink ** 2;
          }
          sum += Math.abs(mean - small.data[(y * size.width + column) * 3 + channel]);
          count++;
        }
      expect(sum / count).toBeLessThan(4);
    }
  });

  it.each(["exact", "fast"] as const)("reports that a file is truncated (%s)", async (jpeg) => {
    const bytes = await readFile(`${folder}truncated.jpg`);
    await expect(decodeImage(bytes, { name: "a/b c.jpg", jpeg })).rejects.toThrow(
      /^"a\/b c\.jpg" is cut short; restore or remove it\./,
    );
  });

  it.each([
    ["text", Buffer.from("this is not an image"), "is not an image that can be read"],
    ["nothing", Buffer.alloc(0), "is empty"],
    ["a JPEG without pixels", Buffer.from([0xff, 0xd8, 0xff, 0xd9]), '"x"'],
  ])("refuses %s", async (_, bytes, message) => {
    const failure = decodeImage(bytes, { name: "x" });
    await expect(failure).rejects.toThrow(FileError);
    await expect(failure).rejects.toThrow(message);
  });

  it("refuses more pixels than the limit before it decodes them", async () => {
    const bytes = Buffer.from(await readFile(`${folder}plain.jpg`));
    const at = bytes.indexOf(Buffer.from([0xff, 0xc0]));
    bytes.writeUInt16BE(20_000, at + 5);
    bytes.writeUInt16BE(20_000, at + 7);
    expect(jpegHeader(bytes)).toMatchObject({ width: 20_000, height: 20_000, components: 3 });
    await expect(decodeImage(bytes, { name: "huge.jpg" })).rejects.toThrow(
      '"huge.jpg" has 20000×20000 pixels, more than the limit',
    );
    await expect(decodeImage(await readFile(`${folder}plain.png`), { name: "p", maxPixels: 10 })).rejects.toThrow(
      "34×21 pixels",
    );
  });
});

describe("a picture that a decoder must hold whole", () => {
  /** A PNG with only its header. */
  const png = async (side: number, depth: number, colour: number, interlace: number) => {
    const bytes = Buffer.from(await readFile(`${folder}plain.png`));
    bytes.writeUInt32BE(side, 16);
    bytes.writeUInt32BE(side, 20);
    bytes.set([depth, colour, 0, 0, interlace], 24);
    return bytes;
  };
  const limit = 1.5 * 2 ** 30;
  // Bytes per pixel: 3 of RGB, and those of the stored values.
  it.each([
    ["16-bit colours with alpha", [16, 6], 11],
    ["16-bit colours", [16, 2], 9],
    ["8-bit colours with alpha", [8, 6], 7],
  ] as const)("is refused from 1.5 GiB on: an interlaced PNG of %s", async (_, [depth, colour], bytes) => {
    const most = Math.floor(Math.sqrt(limit / bytes));
    await expect(
      decodeImage(await png(most + 1, depth, colour, 1), { name: "x.png", maxPixels: limit }),
    ).rejects.toThrow(
      '"x.png" is an interlaced PNG so large that decoding it takes 1536 MiB, more than the limit of 1536; save it as one that is not interlaced, or',
    );
    for (const [side, interlace] of [[most, 1] as const, [most + 1, 0] as const])
      await expect(
        decodeImage(await png(side, depth, colour, interlace), { name: "x.png", maxPixels: limit }),
      ).rejects.toThrow(/cut short|damaged/);
  });
  it.each([
    ["in full", [0x11, 0x11, 0x11], 2 * 3 + 3],
    ["at half the size", [0x22, 0x11, 0x11], 2 * 1.5 + 3],
    ["at half the width", [0x21, 0x11, 0x11], 2 * 2 + 3],
  ])("is refused from 1.5 GiB on: a progressive JPEG with its colours %s", async (_, factors, bytes) => {
    const most = Math.floor(Math.sqrt(limit / bytes));
    const jpeg = (side: number, marker: number) => {
      const sizes = [side >> 8, side & 255, side >> 8, side & 255];
      const components = factors.flatMap((factor, i) => [i + 1, factor, 0]);
      return Buffer.from([
        0xff,
        0xd8,
        0xff,
        marker,
        0,
        17,
        8,
        ...sizes,
        3,
        ...components,
        0xff,
        0xda,
        0,
        8,
        3,
        0xff,
        0xd9,
      ]);
    };
    const header = (side: number, marker: number) => jpegHeader(jpeg(side, marker))!;
    expect(fitsLimits(header(most, 0xc2), limit)).toBe(true);
    expect(fitsLimits(header(most + 1, 0xc2), limit)).toBe(false);
    expect(fitsLimits(header(most + 1, 0xc0), limit)).toBe(true);
    await expect(decodeImage(jpeg(most + 1, 0xc2), { name: "x.jpg", maxPixels: limit })).rejects.toThrow(
      '"x.jpg" is a progressive JPEG so large that decoding it takes 1536 MiB',
    );
  });
});

describe("a TIFF whose values are held beside its RGB", () => {
  const limit = 1.5 * 2 ** 30;
  /** A TIFF with one strip, of which only the directory exists. */
  const tiff = (side: number, values: Values) => {
    const { photometric, bits, samples, extra, format = 1, planar = 1, rows = side } = values;
    const strips = planar === 2 ? samples * Math.ceil(side / rows) : Math.ceil(side / rows);
    const entries: (readonly [tag: number, type: 3 | 4, values: readonly number[]])[] = [
      [256, 4, [side]],
      [257, 4, [side]],
      [258, 3, Array(samples).fill(bits)],
      [259, 3, [8]],
      [262, 3, [photometric]],
      [273, 4, Array(strips).fill(8)],
      [277, 3, [samples]],
      [278, 4, [rows]],
      [279, 4, Array(strips).fill(1)],
      [284, 3, [planar]],
      ...(extra === undefined ? [] : [[338, 3, [extra]] as const]),
      [339, 3, Array(samples).fill(format)],
    ];
    const head = Buffer.alloc(8 + 2 + 12 * entries.length + 4);
    head.write("II");
    head.writeUInt16LE(42, 2);
    head.writeUInt32LE(8, 4);
    head.writeUInt16LE(entries.length, 8);
    const beside: Buffer[] = [];
    let end = head.length;
    for (const [i, [tag, type, numbers]] of entries.entries()) {
      const at = 10 + 12 * i;
      const bytes = Buffer.alloc(Math.max(4, numbers.length * (type === 3 ? 2 : 4)));
      for (const [k, n] of numbers.entries())
        if (type === 3) bytes.writeUInt16LE(n, 2 * k);
        else bytes.writeUInt32LE(n, 4 * k);
      head.writeUInt16LE(tag, at);
      head.writeUInt16LE(type, at + 2);
      head.writeUInt32LE(numbers.length, at + 4);
      if (bytes.length === 4) bytes.copy(head, at + 8);
      else {
        head.writeUInt32LE(end, at + 8);
        beside.push(bytes);
        end += bytes.length;
      }
    }
    return Buffer.concat([head, ...beside]);
  };
  interface Values {
    readonly photometric: number;
    readonly bits: number;
    readonly samples: number;
    readonly extra?: number;
    readonly format?: number;
    readonly planar?: 1 | 2;
    readonly rows?: number;
  }
  // Bytes per pixel: 3 of RGB, those of the given values, 1 of grey.
  it.each<[string, Values, number]>([
    ["16-bit ink", { photometric: 5, bits: 16, samples: 4 }, 3 + 8],
    ["ink", { photometric: 5, bits: 8, samples: 4 }, 3 + 4],
    ["16-bit colours multiplied with alpha", { photometric: 2, bits: 16, samples: 4, extra: 1 }, 3 + 8],
    ["32-bit grey", { photometric: 1, bits: 32, samples: 1 }, 3 + 4 + 1],
    ["floating-point grey", { photometric: 1, bits: 32, samples: 1, format: 3 }, 3 + 4 + 1],
    ["32-bit grey with alpha", { photometric: 1, bits: 32, samples: 2, extra: 2 }, 3 + 8 + 1],
    ["16-bit grey", { photometric: 1, bits: 16, samples: 1 }, 3 + 4 + 1],
    ["16-bit colours in planes", { photometric: 2, bits: 16, samples: 3, planar: 2 }, 3 + 8],
    ["colours in planes", { photometric: 2, bits: 8, samples: 3, planar: 2 }, 3 + 4],
  ])("is refused from 1.5 GiB on: %s", async (_, values, bytes) => {
    const most = Math.floor(Math.sqrt(limit / bytes));
    const decoding = (side: number) => decodeImage(tiff(side, values), { name: "x.tif", maxPixels: limit });
    await expect(decoding(most + 1)).rejects.toThrow(
      '"x.tif" is a TIFF so large that decoding it takes 1536 MiB, more than the limit of 1536; convert it to JPEG or PNG, or scale it down.',
    );
  });

  it("is not refused if strips are short or colours are stored as RGB", async () => {
    const side = Math.floor(Math.sqrt(limit / 10));
    for (const values of [{ bits: 16 }, { bits: 8, planar: 2, rows: 2048 }, { bits: 8 }] as const)
      await expect(
        decodeImage(tiff(side, { photometric: 2, samples: 3, ...values }), { name: "x.tif", maxPixels: limit }),
      ).rejects.toThrow(/cut short|damaged/);
  });
});

describe("applyTransform", () => {
  const stream = () => new RandomStream({ seed: 4, purpose: "augment" });
  it.each([
    [32, 0.875],
    [48, 1],
  ])("gives timm's evaluation view of %i pixels, ratio %d", async (size, cropRatio) => {
    const image = await decodeImage(await readFile(`${folder}view.png`), { name: "view.png" });
    const view = applyTransform(image, { kind: "evaluation", size, cropRatio, interpolation: "bicubic" }, stream());
    const reference = expected.get(`view.${size}.${cropRatio === 1 ? "1.0" : cropRatio}`)!;
    expect(largest(view, reference.data as Uint8Array)).toBeLessThanOrEqual(1);
  });

  const training = {
    kind: "training",
    size: 16,
    interpolation: "bicubic",
    scale: [0.08, 1],
    ratio: [0.75, 4 / 3],
    flip: 0.5,
  } as const;
  const grey = { width: 40, height: 30, data: new Uint8Array(3600).fill(128) };

  it("crops within the image: a constant image stays constant", () => {
    const s = stream();
    for (let i = 0; i < 50; i++) {
      expect([...applyTransform(grey, { ...training, crop: "resized" }, s)].every((v) => v === 128)).toBe(true);
    }
  });

  it("shifts by at most four pixels, with black beyond the border", () => {
    const s = stream();
    const image = { width: 16, height: 16, data: new Uint8Array(768).fill(200) };
    const kept = Array.from(
      { length: 200 },
      () => applyTransform(image, { ...training, crop: "padded", flip: 0 }, s).filter((v) => v === 200).length / 3,
    );
    expect(Math.max(...kept)).toBe(256);
    expect(Math.min(...kept)).toBe(144);
  });

  it("flips as often as it should", () => {
    const s = stream();
    const image = {
      width: 16,
      height: 16,
      data: Uint8Array.from({ length: 768 }, (_, i) => (Math.floor(i / 3) % 16) * 10),
    };
    let flips = 0;
    for (let i = 0; i < 400; i++) {
      const view = applyTransform(image, { ...training, crop: "resized", scale: [1, 1], ratio: [1, 1] }, s);
      if (view[0] > view[45]) flips++;
    }
    // 400 fair coins: 200 ± 10; five deviations are allowed.
    expect(Math.abs(flips - 200)).toBeLessThan(50);
  });

  it("is a function of the image and the stream's key", () => {
    const image = { width: 40, height: 30, data: Uint8Array.from({ length: 3600 }, (_, i) => i % 251) };
    const once = applyTransform(image, { ...training, crop: "resized" }, stream());
    expect(applyTransform(image, { ...training, crop: "resized" }, stream())).toEqual(once);
  });
});
