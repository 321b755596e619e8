import { describe, expect, it } from "vitest";
import { LabelKinds, missingFileNotes } from "./file-set.js";

describe("files missing from a numbered series", () => {
  it("are counted, series by series", () => {
    const names = [
      ...["a-00000-of-00004.tar", "a-00003-of-00004.tar"],
      ...["data/train-00000-of-00002-1f2e3d.parquet", "data/train-00001-of-00002-aa00bb.parquet"],
      ...["test-0-of-2.tar", "other.tar"],
    ];
    expect(missingFileNotes("photos", names)).toEqual([
      '2 of the 4 files "a-*-of-00004.tar" are missing from "photos"; only the others are used.',
      '1 of the 2 files "test-*-of-2.tar" is missing from "photos"; only the others are used.',
    ]);
  });

  it("are counted from 0 or from 1", () => {
    expect(missingFileNotes("x", ["a-1-of-2.tar", "a-2-of-2.tar"])).toEqual([]);
  });
});

describe("labels of several files", () => {
  it("may be numbers or names, also both in one file", () => {
    const kinds = new LabelKinds();
    kinds.add("a", ["0", "10", null]);
    kinds.add("b", [null]);
    kinds.add("c", ["2", "-1"]);
    const mixed = new LabelKinds();
    mixed.add("a", ["7", "other"]);
    mixed.add("b", ["8"]);
  });

  it("are not numbers in one part and names in another", () => {
    const kinds = new LabelKinds();
    kinds.add("a.tar", ["0", "1"]);
    expect(() => kinds.add("b.tar", ["cat"])).toThrow(
      /labels in "a.tar" are numbers, such as 0, and those in "b.tar" are names, such as "cat"/,
    );
  });
});
