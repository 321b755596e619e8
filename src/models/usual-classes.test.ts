import { expect, test } from "vitest";
import { createModel } from "./registry.js";
import { usualClasses } from "./usual-classes.js";

test("published models know ImageNet's classes in code-point order of the synsets", () => {
  const names = usualClasses(createModel("deit_tiny_patch16_224"))!;
  expect(names).toHaveLength(1000);
  const synsets = names.map((name) => name.split(" ")[0]);
  expect(synsets).toEqual([...new Set(synsets)].sort());
  expect(synsets.every((s) => /^n\d{8}$/.test(s))).toBe(true);
  expect([names[0], names[281], names[999]]).toEqual(["n01440764 tench", "n02123045 tabby", "n15075141 toilet tissue"]);
});

test("models of other classes do not", () => {
  expect(usualClasses(createModel("deit_tiny_patch16_224", { classes: 10 }))).toBeUndefined();
  expect(usualClasses(createModel("deit", { classes: 1000 }))).toBeUndefined();
});
