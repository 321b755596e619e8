import { describe, expect, it } from "vitest";
import { philox } from "./philox.js";
import { RandomStream } from "./stream.js";

describe("philox", () => {
  // Known answers published with the Random123 library (kat_vectors, philox4x32 10 rounds).
  const vectors = [
    { counter: [0, 0, 0, 0], key: [0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
    {
      counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      key: [0xffffffff, 0xffffffff],
      words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    },
    {
      counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      key: [0xa4093822, 0x299f31d0],
      words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    },
  ];
  it.each(vectors)("answers the published vector $words", ({ counter, key, words }) => {
    const out = new Uint32Array(4);
    philox(Uint32Array.from(counter), Uint32Array.from(key), out);
    expect([...out]).toEqual(words);
  });
});

describe("RandomStream", () => {
  it("repeats for the same key and differs for any other", () => {
    const draw = (key: object) => {
      const s = new RandomStream({ seed: 1, purpose: "test", ...key });
      return [s.bits(), s.bits(), s.bits(), s.bits(), s.bits()];
    };
    expect(draw({})).toEqual(draw({}));
    for (const other of [{ seed: 2 }, { purpose: "tess" }, { epoch: 1 }, { sample: 1 }, { view: 1 }]) {
      expect(draw(other)).not.toEqual(draw({}));
    }
  });

  it("has the moments of its distributions", () => {
    // 40,000 draws: standard errors are 0.0015 (uniform) and 0.005 (normal); bounds are four standard errors.
    const s = new RandomStream({ seed: 3, purpose: "moments" });
    const n = 40_000;
    let uniform = 0;
    let normal = 0;
    let square = 0;
    for (let i = 0; i < n; i++) {
      uniform += s.uniform() / n;
      const z = s.normal();
      normal += z / n;
      square += (z * z) / n;
    }
    expect(Math.abs(uniform - 0.5)).toBeLessThan(0.006);
    expect(Math.abs(normal)).toBeLessThan(0.02);
    expect(Math.abs(square - 1)).toBeLessThan(0.03);
  });

  it("permutes: every number once", () => {
    const order = [...new RandomStream({ seed: 0, purpose: "p" }).permutation(100)];
    expect(order).not.toEqual(order.toSorted((a, b) => a - b));
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });
});
