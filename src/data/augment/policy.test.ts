import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../random/stream.js";
import { randomBox } from "../pixels/crop.js";
import { applyPolicy, drawDecisions, parsePolicy } from "./policy.js";

interface Histogram {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

const { draws, policies, crops } = JSON.parse(
  readFileSync(new URL("../../../tests/fixtures/augment/draws.json", import.meta.url), "utf8"),
) as {
  draws: number;
  policies: Record<
    string,
    {
      applied: Record<string, number>;
      names: Record<string, number>;
      arguments: Record<string, Histogram>;
    }
  >;
  crops: Record<string, Record<string, Histogram>>;
};

const settings = { interpolation: "bicubic", fill: [124, 116, 104], translate: 100 } as const;

/**
 * Both samples from one distribution? Tested by the normal approximation of χ² at 5 standard deviations: one in three
 * million.
 */
function expectAlike(ours: readonly number[], theirs: readonly number[]): void {
  const [n, m] = [ours, theirs].map((counts) => counts.reduce((a, b) => a + b, 0));
  let statistic = 0;
  let bins = 0;
  ours.forEach((a, i) => {
    const b = theirs[i];
    if (a + b === 0) return;
    bins++;
    statistic += (a * Math.sqrt(m / n) - b * Math.sqrt(n / m)) ** 2 / (a + b);
  });
  const freedom = Math.max(1, bins - 1);
  expect((statistic - freedom) / Math.sqrt(2 * freedom)).toBeLessThan(5);
}

function counted(values: readonly number[], { edges }: Histogram): number[] {
  const counts = new Array<number>(edges.length + 1).fill(0);
  for (const v of values) {
    const at = edges.findIndex((edge) => v <= edge);
    counts[at < 0 ? edges.length : at]++;
  }
  return counts;
}

describe("policies draw the same operations as timm's", () => {
  it.each(Object.keys(policies))("%s", (text) => {
    const reference = policies[text];
    const policy = parsePolicy(text)!;
    if (policy.kind === "augmix") throw new Error("not drawn this way");
    const applied: Record<string, number> = {};
    const seen = new Map<string, number[]>();
    for (let sample = 0; sample < draws; sample++) {
      const decisions = drawDecisions(policy, settings, new RandomStream({ seed: 3, purpose: text, sample }));
      applied[decisions.length] = (applied[decisions.length] ?? 0) + 1;
      for (const { name, argument } of decisions) {
        const values = seen.get(name) ?? [];
        values.push(argument ?? Number.NaN);
        seen.set(name, values);
      }
    }
    const keys = (a: object, b: object) => [...new Set([...Object.keys(a), ...Object.keys(b)])];
    const lengths = keys(applied, reference.applied);
    expectAlike(
      lengths.map((k) => applied[k] ?? 0),
      lengths.map((k) => reference.applied[k] ?? 0),
    );
    const names = keys(Object.fromEntries(seen), reference.names);
    expectAlike(
      names.map((k) => seen.get(k)?.length ?? 0),
      names.map((k) => reference.names[k] ?? 0),
    );
    for (const [name, histogram] of Object.entries(reference.arguments))
      expectAlike(counted(seen.get(name)!, histogram), histogram.counts);
  });
});

describe("random resized crop", () => {
  it.each(Object.keys(crops))("of %s pixels takes the boxes timm's takes", (size) => {
    const [width, height] = size.split("x").map(Number);
    const boxes = Array.from({ length: draws }, (_, sample) =>
      randomBox(
        { width, height },
        { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
        new RandomStream({ seed: 5, purpose: "crop", sample }),
      ),
    );
    const quantities = {
      area: boxes.map((b) => (b.width * b.height) / (width * height)),
      aspect: boxes.map((b) => b.width / b.height),
      left: boxes.map((b) => b.left / width),
      top: boxes.map((b) => b.top / height),
    };
    for (const [name, values] of Object.entries(quantities))
      expectAlike(counted(values, crops[size][name]), crops[size][name].counts);
  });
});

describe("a policy's string", () => {
  it("may be absent", () => expect(parsePolicy("none")).toBeUndefined());
  it("is plain data", () => {
    const policy = parsePolicy("rand-m9-mstd0.5-inc1");
    expect(structuredClone(policy)).toEqual(policy);
    expect(policy).toMatchObject({ kind: "rand", magnitude: 9, layers: 2, deviation: 0.5, probability: 0.5 });
  });
  it.each([
    ["rond-m9", /there is no policy "rond"/],
    ["rand-m9-x3", /"x" is not known there/],
    ["rand-m9x", /not a number/],
    ["rand-tnone", /no set of operations "none"/],
    ["v0-m3", /"m" is not known there/],
    ["rand--", /not a letter with a value/],
  ])("%s is refused by a sentence", (text, message) => expect(() => parsePolicy(text)).toThrow(message));
  it.each(["rand-m9-mstd0.5-inc1", "original", "3a", "augmix-m5-w4-d2"])("%s is a function of its stream", (text) => {
    const data = Uint8Array.from({ length: 24 * 20 * 3 }, (_, i) => (i * 37) % 256);
    const view = (sample: number) =>
      applyPolicy(
        { width: 24, height: 20, data },
        parsePolicy(text)!,
        settings,
        new RandomStream({ seed: 1, purpose: "p", sample }),
      ).data;
    for (let sample = 0; sample < 20; sample++) expect(view(sample)).toEqual(view(sample));
    expect(new Set(Array.from({ length: 20 }, (_, sample) => view(sample).join())).size).toBeGreaterThan(1);
    // The image itself is not changed.
    expect(data).toEqual(Uint8Array.from({ length: 24 * 20 * 3 }, (_, i) => (i * 37) % 256));
  });
});
