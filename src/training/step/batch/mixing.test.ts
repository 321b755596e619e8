import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { imagenetNormalization } from "../../../models/model.js";
import { beta } from "../../../random/distributions.js";
import { RandomStream } from "../../../random/stream.js";
import { fromHalf, toHalf } from "../../../tensor/half.js";
import { evaluate } from "../../../tensor/index.js";
import { drawMix, type MixSettings } from "./draw-mix.js";
import { drawErasing, eraseInputs } from "./erasing.js";
import { batchImages, batchInputs } from "./index.js";

const stream = (seed: number, sample = 0) => new RandomStream({ seed, sample, purpose: "test" });
const both: MixSettings = { mixup: 0.8, cutmix: 1, probability: 1, switchProbability: 0.5, mode: "elem" };

describe("beta", () => {
  it.each([0.2, 0.8, 1, 4])("has the moments of Beta(%f, same)", (alpha) => {
    const random = stream(1);
    const values = Array.from({ length: 20_000 }, () => beta(random, alpha));
    const mean = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length;
    // Five standard errors of the mean; the variance is 1 / (4 (2α + 1)).
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(variance / values.length));
    expect(variance).toBeCloseTo(1 / (4 * (2 * alpha + 1)), 2);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThanOrEqual(1);
  });
});

describe("drawMix", () => {
  it("keeps shares, boxes and targets in agreement", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 1, max: 9 }), (seed, batch) => {
        const mix = drawMix(both, stream(seed), batch, 16);
        for (let i = 0; i < batch; i++) {
          const [top, bottom, left, right] = mix.box.subarray(4 * i, 4 * i + 4);
          expect([top >= 0, bottom <= 16, left >= 0, right <= 16]).toEqual([true, true, true, true]);
          const own = 1 - ((bottom - top) * (right - left)) / 256;
          expect(mix.target[i]).toBeCloseTo(mix.share[i] < 1 ? mix.share[i] : own, 6);
        }
      }),
      { numRuns: 200 },
    );
  });
  it("draws once per batch, per pair or per image", () => {
    const shares = (mode: MixSettings["mode"]) =>
      [...drawMix({ ...both, cutmix: 0, mode }, stream(3), 5, 16).share].map((v) => v.toFixed(5));
    expect(new Set(shares("batch")).size).toBe(1);
    const pairs = shares("pair");
    expect(pairs).toEqual([...pairs].reverse());
    expect(pairs[2]).toBe("1.00000"); // the middle image has no partner
    expect(new Set(shares("elem")).size).toBe(5);
  });
  it("mixes with the given probability, and by CutMix half of the time", () => {
    const draws = Array.from({ length: 2000 }, (_, i) =>
      drawMix({ ...both, probability: 0.6, mode: "batch" }, stream(5, i), 1, 64),
    );
    const cut = draws.filter((m) => m.box[1] > m.box[0]).length / draws.length;
    const mixup = draws.filter((m) => m.share[0] < 1).length / draws.length;
    // Binomial, 2000 draws of 0.3: five deviations are 0.05; a few boxes of CutMix are empty.
    expect(Math.abs(mixup - 0.3)).toBeLessThan(0.05);
    expect(Math.abs(cut - 0.3)).toBeLessThan(0.06);
  });
  it("keeps the sides of its box between shares of the image's", () => {
    for (let i = 0; i < 200; i++) {
      const { box } = drawMix({ ...both, mixup: 0, cutmixMinMax: [0.25, 0.75] }, stream(6, i), 1, 32);
      for (const side of [box[1] - box[0], box[3] - box[2]]) {
        expect(side).toBeGreaterThanOrEqual(8);
        expect(side).toBeLessThan(24);
      }
    }
  });
});

describe("random erasing", () => {
  it("erases a quarter of the images, 2 to 33 % of each", () => {
    const draws = Array.from(
      { length: 2000 },
      (_, i) => drawErasing({ probability: 0.25, count: 1 }, stream(7, i), 64, 3).boxes,
    );
    const areas = draws.map((b) => ((b[1] - b[0]) * (b[3] - b[2])) / 4096).filter((a) => a > 0);
    expect(Math.abs(areas.length / 2000 - 0.25)).toBeLessThan(0.05); // five deviations
    expect(Math.min(...areas)).toBeGreaterThan(0.015); // sides are rounded
    expect(Math.max(...areas)).toBeLessThan(0.35);
  });

  const run = (mode: "pixel" | "rand" | "const") => {
    const images = batchImages(
      2,
      { imageSize: 4, channels: 3, normalization: imagenetNormalization },
      { erasing: { probability: 1, mode, count: 1 } },
    );
    return evaluate(
      [images],
      new Map<string, number[]>([
        [batchInputs.images, new Array(96).fill(255)],
        [eraseInputs.boxes, [1, 3, 0, 2, 0, 0, 0, 0]],
        [eraseInputs.colors, [7, 8, 9, 0, 0, 0]],
        [eraseInputs.seed, [11, 12]],
      ]),
    )[0];
  };
  const white = imagenetNormalization.mean.map((m, c) => (1 - m) / imagenetNormalization.std[c]);
  const at = (image: number, y: number, x: number) => ((image * 4 + y) * 4 + x) * 3;
  it.each(["pixel", "rand", "const"] as const)("changes the box alone, mode %s", (mode) => {
    const out = run(mode);
    for (let i = 0; i < 2; i++) {
      for (let y = 0; y < 4; y++) {
        for (let x = 0; x < 4; x++) {
          const inBox = i === 0 && y >= 1 && y < 3 && x < 2;
          for (let c = 0; c < 3; c++) {
            const value = out[at(i, y, x) + c];
            if (!inBox) expect(value).toBeCloseTo(white[c], 5);
            else if (mode === "const") expect(value).toBe(0);
            else if (mode === "rand") expect(value).toBe(7 + c);
            else expect(Math.abs(value - white[c])).toBeGreaterThan(1e-4);
          }
        }
      }
    }
  });
});

describe("float16", () => {
  it("rounds to the nearest, ties to even", () => {
    // Published encodings of IEEE 754 binary16.
    const known = {
      1: 0x3c00,
      [-2]: 0xc000,
      65504: 0x7bff,
      [2 ** -24]: 1,
      0.333251953125: 0x3555,
      [1 + 2 ** -11]: 0x3c00,
    };
    for (const [value, bits] of Object.entries(known)) expect(toHalf(Number(value)), value).toBe(bits);
    expect(toHalf(1e6)).toBe(0x7c00);
  });
  it("gives back every float16", () => {
    for (let h = 0; h < 0x7c00; h++) expect(toHalf(fromHalf(h))).toBe(h);
  });
});
