/** WebP files written by sharp are read as libvips reads them; damaged ones are refused as it refuses them. */
import fc from "fast-check";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../../random/stream.js";
import { decodeWithSharp } from "./sharp.js";
import { Undecodable } from "./undecodable.js";
import { decodeWebp } from "./webp.js";
import { plainWebp } from "./webp-layout.js";
import { webpPixels } from "./webp-pixels.js";

const maxPixels = 10_000;
const allocate = (bytes: number) => new Uint8Array(bytes);

interface Drawn {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Soft shapes and noise, of which each kind of compression makes something. */
function drawn(seed: number, width: number, height: number): Drawn {
  const s = new RandomStream({ seed, purpose: "webp" });
  const [a, b] = [s.uniform(0, 0.5), s.uniform(0, 0.5)];
  const noise = s.uniform(0, 60);
  const value = (i: number) => 128 + 60 * Math.sin(a * (i % width)) * Math.cos(b * i) + s.uniform(-noise, noise);
  return { width, height, data: Uint8Array.from({ length: 3 * width * height }, (_, i) => value(i)) };
}

const written = ({ width, height, data }: Drawn) => sharp(data, { raw: { width, height, channels: 3 } });

const drawing = fc
  .tuple(fc.integer(), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }))
  .map(([seed, width, height]) => drawn(seed, width, height));

const read = (file: Uint8Array) => decodeWebp(file, { maxPixels, alpha: false, allocate });

/** The pixels, or why there are none. */
async function outcome(work: () => Promise<Drawn>): Promise<string> {
  try {
    const { width, height, data } = await work();
    return `${width} × ${height}: ${Buffer.from(data).toString("hex")}`;
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    return error.reason.kind;
  }
}

const byLibvips = (file: Uint8Array) => outcome(() => decodeWithSharp(file, { loader: "webp", maxPixels }));

describe("the pixels of a plain file", () => {
  it("are those that were written, without loss", async () => {
    await fc.assert(
      fc.asyncProperty(drawing, async (image) => {
        const plain = plainWebp(await written(image).webp({ lossless: true }).toBuffer());
        expect(await webpPixels(plain!, allocate)).toEqual(image);
      }),
      { numRuns: 30 },
    );
  });

  it("are libvips' at any quality, with a colour profile and metadata around them too", async () => {
    await fc.assert(
      fc.asyncProperty(drawing, fc.integer({ min: 1, max: 100 }), fc.boolean(), async (image, quality, around) => {
        const picture = around ? written(image).withMetadata({ orientation: 3 }).withIccProfile("p3") : written(image);
        const file = await picture.webp({ quality }).toBuffer();
        expect(file.toString("latin1", 12, 16)).toBe(around ? "VP8X" : "VP8 ");
        expect(await outcome(async () => (await webpPixels(plainWebp(file)!, allocate))!)).toBe(await byLibvips(file));
      }),
      { numRuns: 30 },
    );
  });
});

it("leaves alpha and animations to libvips", async () => {
  const { width, height, data } = drawn(1, 12, 24);
  const clear = Uint8Array.from({ length: 4 * width * height }, (_, i) => data[i % data.length]);
  const alpha = await sharp(clear, { raw: { width, height, channels: 4 } })
    .webp()
    .toBuffer();
  const frames = await sharp(data, { raw: { width, height, channels: 3, pageHeight: 12 } })
    .webp({ loop: 0 })
    .toBuffer();
  for (const file of [alpha, frames]) {
    expect(plainWebp(file)).toBeUndefined();
    expect(await outcome(() => read(file))).toBe(await byLibvips(file));
  }
});

it("reads damaged files as libvips does, or not at all", async () => {
  const image = drawn(2, 33, 20);
  const metadata = (file: Sharp) => file.withMetadata({ orientation: 6 });
  const files = await Promise.all([
    ...[written(image).webp(), written(image).webp({ lossless: true })].map((file) => file.toBuffer()),
    ...[metadata(written(image)).webp(), metadata(written(image)).webp({ lossless: true })].map((f) => f.toBuffer()),
  ]);
  const s = new RandomStream({ seed: 3, purpose: "damage" });
  for (let i = 0; i < 240; i++) {
    const file = Buffer.from(files[i % files.length]);
    // Half of the time in the headers.
    const within = i % 8 < 4 ? 40 : file.length;
    for (let edits = 0; edits <= s.integer(3); edits++) file[12 + s.integer(within - 12)] = s.integer(256);
    expect(await outcome(() => read(file))).toBe(await byLibvips(file));
  }
});

it("refuses a file cut short, and a picture above the limit", async () => {
  const file = await written(drawn(4, 30, 20))
    .webp()
    .toBuffer();
  expect(await outcome(() => read(file.subarray(0, -1)))).toBe("cut");
  const large = await written(drawn(5, 101, 100))
    .webp()
    .toBuffer();
  expect(await outcome(() => read(large))).toBe("large");
});

it("goes on after a picture so large that the decoder is given up", async () => {
  const plain = plainWebp(
    await sharp({ create: { width: 3000, height: 2800, channels: 3, background: "#123456" } })
      .webp({ lossless: true, effort: 0 })
      .toBuffer(),
  );
  for (const end of [3, undefined]) {
    const { data } = (await webpPixels(plain!, allocate))!;
    expect([...new Set(data.subarray(0, end))].sort()).toEqual([0x12, 0x34, 0x56]);
  }
});
