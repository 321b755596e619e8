import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { hasOneOrder, matchClasses, naturalOrder } from "./class-matching.js";

const imagenet = ["n01440764 tench", "n02012849 crane", "n03126707 crane"];
const words = ["tench, Tinca tinca", "crane", "crane"];

describe("names are found from the strictest way to the loosest", () => {
  it.each([
    ["in another order", ["b", "a"], ["a", "b"], [1, 0]],
    ["among more", ["b"], ["a", "b", "c"], [1]],
    ["in another case", ["Golden_Retriever", "TENCH"], ["tench", "golden retriever"], [1, 0]],
    ["as written before in another case", ["cat", "CAT"], ["CAT", "cat"], [1, 0]],
    ["in another form of Unicode", ["e\u0301clair"], ["éclair", "x"], [0]],
    ["by the synset", ["n03126707", "n01440764"], imagenet, [2, 0]],
    ["by a synonym", ["tinca tinca"], ["tench, Tinca tinca", "crane"], [0]],
    ["by the word behind a synset", ["tench"], imagenet, [0]],
    ["as numbers", ["2", "0"], ["a", "b", "c"], [2, 0]],
    ["as numbers that are names", ["2", "1"], ["1", "2"], [1, 0]],
  ])("%s", (_, names, known, indices) => {
    const match = matchClasses(names, known);
    expect(match).toMatchObject({ kind: "matched", indices: Int32Array.from(indices) });
  });

  it("by other names of the classes", () => {
    expect(matchClasses(["n03126707"], words, imagenet)).toMatchObject({ indices: Int32Array.of(2) });
  });

  it("the same list is the same, even with duplicates", () => {
    expect(matchClasses(words, words)).toEqual({ kind: "same" });
  });
});

describe("what cannot be inferred is reported", () => {
  it.each([
    ["two of one name", ["crane"], imagenet, { kind: "ambiguous", name: "crane", indices: [1, 2] }],
    ["two of one name in other words", ["crane"], words, { kind: "ambiguous", name: "crane", indices: [1, 2] }],
    ["two that become one", ["CAT", "cat"], ["cat", "dog"], { kind: "merged", names: ["CAT", "cat"], index: 0 }],
    ["a synset and its word", ["n01440764", "tench"], imagenet, { kind: "merged", index: 0 }],
    ["another", ["tench", "trout"], imagenet, { kind: "unknown", names: ["trout"] }],
    ["the first word of a name", ["golden"], ["golden retriever", "poodle"], { kind: "unknown", names: ["golden"] }],
    ["a number beyond", ["0", "3"], ["a", "b", "c"], { kind: "unknown", names: ["3"] }],
  ])("%s", (_, names, known, expected) => {
    expect(matchClasses(names, known)).toMatchObject(expected);
  });
});

it("orders of folders, as in timm and torchvision", async () => {
  const file = new URL("../../../tests/fixtures/classes/orders.json", import.meta.url);
  const lists = JSON.parse(await readFile(file, "utf8")) as Record<string, { codePoints: string[]; natural: string[] }>;
  for (const [name, { codePoints, natural }] of Object.entries(lists)) {
    expect(naturalOrder(codePoints), name).toEqual(natural);
    expect(hasOneOrder(codePoints), name).toBe(codePoints.join() === natural.join());
  }
  // A list in neither order has its own order.
  expect(hasOneOrder(["airplane2", "airplane10", "Bird", "ant"])).toBe(true);
});
