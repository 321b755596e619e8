import { describe, expect, it } from "vitest";
import type { Dataset } from "../data/dataset/dataset.js";
import { imagenetClasses } from "../models/imagenet-classes.generated.js";
import { labelledFor } from "./output-classes.js";
import { outputNames } from "./output-names.js";

const dataOf = (classes: readonly string[]): Dataset => ({
  ...{ name: "photos", classes, length: classes.length, label: (i) => i },
  ...{ source: () => ({ kind: "file", path: "" }), describe: String, key: String },
});
const labelsOf = ({ dataset }: ReturnType<typeof labelledFor>) =>
  Array.from({ length: dataset.length }, (_, i) => dataset.label(i));
const own = { name: "deit", classes: 3 };
const published = { name: "deit_tiny_patch16_224", classes: 1000 };
/** ImageNet's classes in different words, as in transformers: without synsets, with synonyms. */
const words = imagenetClasses.map((name, i) => (i % 9 === 0 ? `word ${i}` : `${name.slice(10)}, synonym ${i}`));

describe("classes of data as outputs of a model", () => {
  it.each<[string, readonly string[], typeof own, readonly string[] | undefined, readonly number[]]>([
    ["by name, in another order", ["dog", "Cat"], own, ["cat", "dog", "owl"], [1, 0]],
    ["as numbers of outputs", ["2", "0"], own, ["cat", "dog", "owl"], [2, 0]],
    ["as numbers of unnamed outputs", ["0", "2"], own, undefined, [0, 2]],
    ["in their order, where it is in no doubt", ["cat", "dog", "owl"], own, undefined, [0, 1, 2]],
    ["in their order, where it is one of their own", ["owl", "cat", "dog"], own, undefined, [0, 1, 2]],
    ["by synset, of published weights", ["n01443537", "n01440764"], published, undefined, [1, 0]],
    ["by synset, of ImageNet's classes in other words", ["n01443537", "n03126707"], published, words, [1, 517]],
  ])("%s", (_, classes, model, named, labels) => {
    expect(labelsOf(labelledFor(dataOf(classes), model, named))).toEqual(labels);
  });

  it.each<[string, readonly string[], typeof own, readonly string[] | undefined, RegExp]>([
    ["another order by numbers", ["a1", "a10", "a2"], own, undefined, /output 1 is "a10" .* but "a2" .*`classes`/],
    ["another order by case", ["Dog", "cat", "owl"], own, undefined, /output 0 is "Dog" .* but "cat"/],
    ["another count", ["cat", "dog"], own, undefined, /has 2 classes, but the model "deit" has 3/],
    ["a class that is not there", ["cat", "emu"], own, ["cat", "dog", "owl"], /"emu" of the data is not among the 3/],
    ["one of two cranes", ["crane", "tench"], published, undefined, /"crane" .* classes 134 .*, 517/],
    ["two for one", ["CAT", "cat"], own, ["cat", "dog", "owl"], /"CAT" and "cat" .* both be the class 0/],
    ["a number beyond", ["0", "3"], own, ["cat", "dog", "owl"], /"3" of the data is not among/],
  ])("refused: %s", (_, classes, model, named, sentence) => {
    expect(() => labelledFor(dataOf(classes), model, named)).toThrow(sentence);
  });
});

describe("names that weights bring and names that are given", () => {
  const names = ["cat", "dog", "owl"];
  it.each([
    ["the same", ["cat", "dog", "owl"], 0],
    ["in another case", ["Cat", "Dog", "Owl"], 0],
    ["in another language", ["Katze", "Hund", "Eule"], 1],
    ["one renamed", ["cat", "hound", "owl"], 1],
  ])("%s", (_, given, notes) => {
    const found = outputNames(names, given, "w");
    expect([found.names, found.notes.length]).toEqual([given, notes]);
  });
  it.each([
    ["in another order", ["dog", "cat", "owl"]],
    ["in another order and case", ["CAT", "OWL", "DOG"]],
    ["partly moved", ["dog", "wolf", "owl"]],
  ])("refused: %s", (_, given) => {
    expect(() => outputNames(names, given, "w")).toThrow(
      /`classes` calls output \d ".+", but the weights in "w" call it/,
    );
  });
});
