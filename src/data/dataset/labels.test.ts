import { expect, test } from "vitest";
import { classIndices } from "./labels.js";

test("a class is known by its name and by a first word that no other has", () => {
  const indices = classIndices(["n01440764 tench", "great white shark", "great pyrenees", "cat"]);
  expect(indices.get("n01440764")).toBe(0);
  expect(indices.get("n01440764 tench")).toBe(0);
  expect(indices.get("great pyrenees")).toBe(2);
  expect(indices.get("great")).toBeUndefined();
  expect(indices.get("cat")).toBe(3);
});

test("a whole name takes precedence over another's first word", () => {
  const indices = classIndices(["crane bird", "crane"]);
  expect([indices.get("crane bird"), indices.get("crane")]).toEqual([0, 1]);
});
