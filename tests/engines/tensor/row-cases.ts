/** Cases of what picks rows and puts them back. */
import * as t from "../../../src/tensor/index.js";
import type { Case } from "./case.js";

/** Rows 2 and 0 of a first group of three, 1 and 2 of a second. */
const twoOfThree: t.KeptRows = {
  rows: t.constant("int32", [2, 2], [2, 0, 1, 2]),
  places: t.constant("int32", [2, 3], [1, 2, 0, 2, 0, 1]),
};

export const rowCases: readonly Case[] = [
  {
    name: "gather",
    build: (shape) => ({
      inputs: { x: [4, ...shape] },
      output: ({ x }) => t.gather(x, t.constant("int32", [3], [3, 0, 3]), 0),
      expected: ({ x }) => {
        const n = x.length / 4;
        return [...x.subarray(3 * n), ...x.subarray(0, n), ...x.subarray(3 * n)];
      },
    }),
  },
  {
    name: "gatherRows",
    build: (shape) => ({
      inputs: { x: [2, 3, ...shape] },
      output: ({ x }) => t.gatherRows(x, t.constant("int32", [2, 2], [2, 0, 1, 1])),
      expected: ({ x }) => {
        const n = x.length / 6;
        return [2, 0, 4, 4].flatMap((row) => [...x.subarray(row * n, (row + 1) * n)]);
      },
    }),
  },
  {
    name: "keepRows",
    build: (shape) => ({
      inputs: { x: [2, 3, ...shape] },
      output: ({ x }) => t.keepRows(x, twoOfThree),
      expected: ({ x }) => {
        const n = x.length / 6;
        return [2, 0, 4, 5].flatMap((row) => [...x.subarray(row * n, (row + 1) * n)]);
      },
    }),
  },
  {
    name: "placeRows",
    build: (shape) => ({
      inputs: { y: [2, 2, ...shape] },
      output: ({ y }) => t.placeRows(y, twoOfThree),
      expected: ({ y }) => {
        const n = y.length / 4;
        const none = new Array<number>(n).fill(0);
        return [1, -1, 0, -1, 2, 3].flatMap((row) => (row < 0 ? none : [...y.subarray(row * n, (row + 1) * n)]));
      },
    }),
  },
];
