import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import sharp, { type Sharp } from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { findCopies } from "../../src/data/check/copies.js";
import { copyDistance, distance, fingerprintWords, lookAtImage, mirrored } from "../../src/data/check/fingerprint.js";
import { nearPairs } from "../../src/data/check/near-pairs.js";
import { decodeImage } from "../../src/data/codec/decode.js";
import type { RgbImage } from "../../src/data/pixels/image.js";
import { drawProcedural } from "../../src/data/pixels/procedural-image.js";
import { RandomStream } from "../../src/random/stream.js";
import { describeWithReference, shared } from "../setup/reference-data.js";

const photographs = join(shared, "data/imagenet-sample");

const print = async (bytes: Uint8Array) => lookAtImage(await decodeImage(bytes, { name: "test" })).fingerprint!;

describeWithReference("a fingerprint", () => {
  let files: Buffer[];
  let prints: Uint32Array[];
  beforeAll(async () => {
    const names = (await readdir(photographs)).sort().filter((_, i) => i % 2 === 0);
    files = await Promise.all(names.map((name) => readFile(join(photographs, name))));
    prints = await Promise.all(files.map(print));
  });

  const changes: Readonly<Record<string, (image: Sharp, width: number, height: number) => Sharp>> = {
    "re-encoded at quality 30": (s) => s.jpeg({ quality: 30 }),
    "made WebP": (s) => s.webp({ quality: 60 }),
    "resized to a width of 160": (s) => s.resize(160),
    "squeezed into a square": (s) => s.resize(224, 224, { fit: "fill" }),
    "made grey": (s) => s.greyscale().jpeg(),
    "a tenth brighter": (s) => s.modulate({ brightness: 1.1 }).jpeg(),
    "without a hundredth on each side": (s, width, height) =>
      s.extract({
        left: Math.round(width / 100),
        top: Math.round(height / 100),
        width: width - 2 * Math.round(width / 100),
        height: height - 2 * Math.round(height / 100),
      }),
  };
  it.each(Object.keys(changes))("knows a photograph again that was %s", async (change) => {
    for (let i = 0; i < files.length; i += 5) {
      const { width, height } = await sharp(files[i]).metadata();
      const copy = await print(await changes[change](sharp(files[i]), width, height).toBuffer());
      expect(distance(prints[i], copy)).toBeLessThanOrEqual(copyDistance);
    }
  });
  it("knows a photograph again in a mirror, and only there", async () => {
    for (let i = 0; i < files.length; i += 10) {
      const copy = await print(await sharp(files[i]).flop().jpeg().toBuffer());
      expect(distance(mirrored(prints[i]), copy)).toBeLessThanOrEqual(copyDistance);
      expect(distance(prints[i], copy)).toBeGreaterThan(copyDistance);
      expect(mirrored(mirrored(prints[i]))).toEqual(prints[i]);
    }
  });
  it("of different photographs differs by at least twice the threshold of a copy", () => {
    for (const [i, a] of prints.entries())
      for (const b of prints.slice(0, i))
        expect(Math.min(distance(a, b), distance(mirrored(a), b))).toBeGreaterThan(2 * copyDistance);
  });
  it("distinguishes drawings of different things with the same symmetry", async () => {
    const drawings = [
      `<circle cx="50" cy="50" r="30"/>`,
      `<rect x="22" y="22" width="56" height="56"/>`,
      `<polygon points="50,20 80,80 20,80"/>`,
      `<rect x="20" y="42" width="60" height="16"/><rect x="42" y="20" width="16" height="60"/>`,
      `<circle cx="50" cy="50" r="30" fill="none" stroke="black" stroke-width="8"/>`,
    ].map((shape) =>
      Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100">
      <rect width="100" height="100" fill="white"/>${shape}</svg>`),
    );
    const pngs = await Promise.all(drawings.map((svg) => sharp(svg).png().toBuffer()));
    const jpegs = await Promise.all(pngs.map((png) => sharp(png).jpeg({ quality: 50 }).toBuffer()));
    const [a, b] = [await Promise.all(pngs.map(print)), await Promise.all(jpegs.map(print))];
    for (let i = 0; i < a.length; i++)
      for (let j = 0; j < b.length; j++) expect(distance(a[i], b[j]) <= copyDistance).toBe(i === j);
  });
  it("is not to be had of a plain colour, with or without the noise of a camera", () => {
    const plain = (noise: number): RgbImage => {
      const stream = new RandomStream({ seed: 1, purpose: "test" });
      return {
        width: 100,
        height: 80,
        data: Uint8Array.from({ length: 24_000 }, () => 100 + Math.round(stream.uniform(0, noise))),
      };
    };
    for (const noise of [0, 4, 8]) expect(lookAtImage(plain(noise))).toEqual({ blank: true, fingerprint: undefined });
  });
  it("is not to be had of single lines, which are not blank either", () => {
    const strip = (width: number, height: number): RgbImage => ({
      width,
      height,
      data: Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919) % 256),
    });
    const looks = [
      [1, 500],
      [500, 1],
      [1, 1],
      [65, 63],
    ].map(([w, h]) => lookAtImage(strip(w, h)));
    expect(looks.map((l) => [l.blank, l.fingerprint !== undefined])).toEqual([
      [false, false],
      [false, false],
      [true, false],
      [false, true],
    ]);
  });
});

/** Random signs, all of which count. */
function randomPrint(stream: RandomStream): Uint32Array {
  return Uint32Array.from({ length: fingerprintWords }, (_, i) =>
    i < fingerprintWords / 2 ? stream.bits() : 0xffffffff,
  );
}

function turned(print: Uint32Array, bits: Iterable<number>): Uint32Array {
  const copy = print.slice();
  for (const bit of bits) copy[bit >> 5] ^= 1 << (bit & 31);
  return copy;
}

describe("the search for near pairs", () => {
  it("finds the same pairs as comparing all with all", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1e6 }),
        fc.array(
          fc.record({ of: fc.nat(299), bits: fc.uniqueArray(fc.nat(255), { maxLength: 40 }), mirror: fc.boolean() }),
        ),
        async (seed, copies) => {
          const stream = new RandomStream({ seed, purpose: "test" });
          const prints = Array.from({ length: 300 }, () => randomPrint(stream));
          for (const { of, bits, mirror } of copies)
            prints.push(turned(mirror ? mirrored(prints[of]) : prints[of], bits));
          const all = new Uint32Array(prints.length * fingerprintWords);
          for (const [i, p] of prints.entries()) all.set(p, i * fingerprintWords);
          const found = new Set<string>();
          const complete = await nearPairs(all, prints.length, { onPair: (a, b) => found.add(`${a} ${b}`) });
          const expected = new Set<string>();
          // 31 of 256 signs is just below an eighth.
          prints.forEach((a, i) => {
            prints.slice(0, i).forEach((b, j) => {
              const d = 256 * Math.min(distance(a, b), distance(mirrored(a), b));
              if (d <= 31) expected.add(`${i} ${j}`);
            });
          });
          expect(complete).toBe(true);
          expect(found).toEqual(expected);
        },
      ),
      { numRuns: 10 },
    );
  });
  it("gives way to other work and ends when it is interrupted", async () => {
    const stream = new RandomStream({ seed: 3, purpose: "test" });
    const count = 20_000;
    const all = new Uint32Array(count * fingerprintWords);
    for (let i = 0; i < count; i++) all.set(randomPrint(stream), i * fingerprintWords);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 1);
    await expect(nearPairs(all, count, { onPair: () => undefined, signal: controller.signal })).rejects.toThrow(
      "interrupted",
    );
  });
});

describe("groups of copies", () => {
  const search = (prints: readonly (Uint32Array | undefined)[], digests: readonly (string | undefined)[]) =>
    findCopies({ length: prints.length, fingerprint: (i) => prints[i], digest: (i) => digests[i] });
  const stream = new RandomStream({ seed: 7, purpose: "test" });
  const [a, b] = [randomPrint(stream), randomPrint(stream)];

  it("join equal or close images, even through a third", async () => {
    const far = turned(turned(a, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]), []);
    const farther = turned(far, [41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60]);
    const { groups, complete } = await search([a, b, farther, far, b, undefined, undefined, a], [..."abcdbeea"]);
    expect(groups).toEqual([
      [0, 2, 3, 7],
      [1, 4],
      [5, 6],
    ]);
    expect(complete).toBe(true);
  });
  it("omit what could not be read", async () => {
    expect((await search([undefined, undefined, a], [undefined, undefined, "a"])).groups).toEqual([]);
  });
  it("stay bounded if very many images resemble each other, with a note", async () => {
    const crowd = Array.from({ length: 3000 }, (_, i) => turned(a, [i % 255, (i * 7) % 255, (i * 31) % 256]));
    const { groups, complete } = await search(
      crowd,
      crowd.map((_, i) => String(i)),
    );
    expect(groups).toEqual([Array.from({ length: 3000 }, (_, i) => i)]);
    expect(complete).toBe(false);
  });
  it("are not found among randomly drawn shapes", async () => {
    const drawn = Array.from({ length: 1000 }, (_, seed) => drawProcedural({ size: 32, seed, label: seed % 10 }));
    const prints = drawn.map((image) => lookAtImage(image).fingerprint);
    expect(
      (
        await search(
          prints,
          prints.map((_, i) => String(i)),
        )
      ).groups,
    ).toEqual([]);
  });
});
