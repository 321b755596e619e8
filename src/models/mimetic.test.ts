/** The products that the article defines (Trockman and Kolter, ICML 2023, section 4), in every size of a DeiT. */
import { describe, expect, it } from "vitest";
import type { NamedTensors } from "../tensor/index.js";
import { deit } from "./deit.js";
import { initialize } from "./initialize.js";
import { mimeticInPieces } from "./mimetic.js";
import type { Model } from "./model.js";
import { regnety } from "./regnet.js";

function mimetic(model: Model, seed = 0): NamedTensors {
  const pieces = mimeticInPieces(model, seed);
  for (;;) {
    const piece = pieces.next();
    if (piece.done) return piece.value;
  }
}

const values = (weights: NamedTensors, name: string) => weights.get(name)!.data as Float32Array;

/** Element (row, column) of W_Q W_Kᵀ of a head, and of W_V W_proj, for row vectors of tokens. */
function products(weights: NamedTensors, width: number, heads: number, block = 0) {
  const qkv = values(weights, `blocks.${block}.attn.qkv.weight`);
  const proj = values(weights, `blocks.${block}.attn.proj.weight`);
  const k = width / heads;
  const sum = (count: number, term: (i: number) => number) => {
    let total = 0;
    for (let i = 0; i < count; i++) total += term(i);
    return total;
  };
  return {
    queryKey: (head: number) => (row: number, column: number) =>
      sum(k, (i) => qkv[(head * k + i) * width + row] * qkv[(width + head * k + i) * width + column]),
    valueProjection: (row: number, column: number) =>
      sum(width, (i) => qkv[(2 * width + i) * width + row] * proj[column * width + i]),
  };
}

/** Mean of the diagonal; mean and deviation of what is beside it, of the first rows. */
function structure(element: (row: number, column: number) => number, width: number, rows: number) {
  let [diagonal, sum, squares] = [0, 0, 0];
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < width; column++) {
      const value = element(row, column);
      if (row === column) diagonal += value;
      else {
        sum += value;
        squares += value * value;
      }
    }
  const count = rows * (width - 1);
  return { diagonal: diagonal / rows, mean: sum / count, deviation: Math.sqrt(squares / count) };
}

const small = { imageSize: 32, patchSize: 8, depth: 1, classes: 3, distilled: true };

describe("mimetic initialisation", () => {
  // Widths and heads of every published size; S and smaller with all rows, the others with a sample of them.
  it.each([
    [192, 3, 192],
    [384, 6, 384],
    [768, 12, 48],
  ])("of width %d with %d heads is 0.7 (Z + I) of the rank of a head, and -0.4 (Z + I)", (width, heads, rows) => {
    const { queryKey, valueProjection } = products(mimetic(deit("d", { ...small, width, heads })), width, heads);
    // -0.4 I - 0.4 Z, Z of variance 1/width, all of it.
    const value = structure(valueProjection, width, rows);
    expect(value.diagonal).toBeCloseTo(-0.4, 1);
    expect(Math.abs(value.mean)).toBeLessThan(0.002);
    expect(value.deviation / (0.4 / Math.sqrt(width))).toBeCloseTo(1, 1);
    for (const head of [0, heads - 1]) {
      // Of the identity a product of the rank of a head can hold a share; the diagonal must stand out of the noise.
      const { diagonal, mean, deviation } = structure(queryKey(head), width, Math.min(rows, 96));
      expect(diagonal).toBeGreaterThan(0.7 / heads);
      expect(diagonal).toBeGreaterThan(3 * deviation);
      expect(Math.abs(mean)).toBeLessThan(0.01);
    }
  });

  it("has the best product of a head's width to one matrix 0.7 (Z + I)", () => {
    // All heads together are told by one head as wide as the model: then the product is 0.7 (Z + I) itself, of which
    // narrower heads of the same seed have the largest singular values.
    const width = 48;
    const whole = products(mimetic(deit("d", { ...small, width, heads: 1 })), width, 1).queryKey(0);
    const all = structure(whole, width, width);
    expect(all.diagonal).toBeCloseTo(0.7, 1);
    expect(all.deviation / (0.7 / Math.sqrt(width))).toBeCloseTo(1, 1);
    const headed = mimetic(deit("d", { ...small, width, heads: 4 }));
    const part = products(headed, width, 4).queryKey(0);
    // Head 0 has the same order and signs of channels, so what is left over of the whole is orthogonal to the part.
    let [dot, inside, outside] = [0, 0, 0];
    for (let row = 0; row < width; row++)
      for (let column = 0; column < width; column++) {
        const [a, b] = [whole(row, column), part(row, column)];
        dot += (a - b) * b;
        inside += b * b;
        outside += (a - b) ** 2;
      }
    expect(Math.abs(dot)).toBeLessThan(1e-4 * inside);
    expect(inside).toBeGreaterThan(outside * 0.5); // a quarter of the rank, the largest of the spectrum
  });

  it("shares the strength of a product evenly between its factors", () => {
    const [width, heads] = [64, 4];
    const weights = mimetic(deit("d", { ...small, width, heads }));
    const qkv = values(weights, "blocks.0.attn.qkv.weight");
    const proj = values(weights, "blocks.0.attn.proj.weight");
    for (let i = 0; i < width; i++) {
      let [query, key, value, out] = [0, 0, 0, 0];
      for (let c = 0; c < width; c++) {
        query += qkv[i * width + c] ** 2;
        key += qkv[(width + i) * width + c] ** 2;
        value += qkv[(2 * width + i) * width + c] ** 2;
        out += proj[c * width + i] ** 2;
      }
      expect(query).toBeCloseTo(key, 4);
      expect(value).toBeCloseTo(out, 4);
    }
  });

  it("gives heads and blocks matrices of their own", () => {
    const [width, heads] = [64, 2];
    const model = deit("d", { ...small, depth: 2, width, heads });
    const weights = mimetic(model);
    const elements = [0, 1].flatMap((block) => {
      const { queryKey, valueProjection } = products(weights, width, heads, block);
      return [queryKey(0), queryKey(1), valueProjection];
    });
    const found = elements.map((element) =>
      Array.from({ length: width * width }, (_, i) =>
        i % (width + 1) === 0 ? 0 : element(Math.floor(i / width), i % width),
      ),
    );
    found.forEach((a, i) => {
      for (const b of found.slice(i + 1)) {
        const product = (x: readonly number[], y: readonly number[]) => x.reduce((sum, v, j) => sum + v * y[j], 0);
        const correlation = product(a, b) / Math.sqrt(product(a, a) * product(b, b));
        expect(Math.abs(correlation)).toBeLessThan(0.1); // 1/√4032 of independent ones is 0.016
      }
    });
  });

  it("has sinusoidal positions of patches; tokens and all else are as drawn", () => {
    const [width, prefix] = [16, 2];
    const model = deit("d", { ...small, width, heads: 2 });
    const [weights, drawn] = [mimetic(model, 3), initialize(model, 3)];
    const positions = values(weights, "pos_embed");
    const at = (patch: number, channel: number) => positions[(prefix + patch) * width + channel];
    const frequencies = [1, 10000 ** (-1 / 3), 10000 ** (-2 / 3), 1 / 10000];
    frequencies.forEach((frequency, i) => {
      // Patch 6 of 4 × 4: column 2, row 1.
      expect(at(6, i)).toBeCloseTo(Math.sin(2 * frequency), 6);
      expect(at(6, 4 + i)).toBeCloseTo(Math.cos(2 * frequency), 6);
      expect(at(6, 8 + i)).toBeCloseTo(Math.sin(frequency), 6);
      expect(at(6, 12 + i)).toBeCloseTo(Math.cos(frequency), 6);
    });
    expect(positions.slice(0, prefix * width)).toEqual(values(drawn, "pos_embed").slice(0, prefix * width));
    for (const name of [...drawn.keys()].filter((n) => !/attn\.(qkv|proj)\.weight$|^pos_embed$/.test(n)))
      expect(weights.get(name), name).toEqual(drawn.get(name));
    expect([...weights].map(([name, { shape }]) => [name, shape])).toEqual(
      model.parameters.map(({ name, shape }) => [name, shape]),
    );
  });

  it("is a function of the seed", () => {
    const model = deit("d", { ...small, width: 32, heads: 2 });
    expect(mimetic(model, 5)).toEqual(mimetic(model, 5));
    expect(values(mimetic(model, 5), "blocks.0.attn.qkv.weight")).not.toEqual(
      values(mimetic(model, 6), "blocks.0.attn.qkv.weight"),
    );
  });

  it("is for vision transformers of positions in fours", () => {
    const convnet = regnety("convnet", { depth: 4, initialWidth: 8, slope: 4, factor: 2, groupWidth: 8 });
    expect(() => mimetic(convnet)).toThrow(/DeiTs and ViTs, which convnet is not/);
    expect(() => mimetic(deit("odd", { ...small, width: 18, heads: 2 }))).toThrow(
      /multiple of 4, and that of odd is 18/,
    );
  });
});
