import { expect, it } from "vitest";
import { textTable } from "./table.js";

const head = ["model", "top-1 (%)", "images/s"];
const rows = [
  ["tiny", "72.2", "1041.0"],
  ["猫", "–", "9.5"],
];

it.each([
  [80, ["model  top-1 (%)  images/s", "tiny        72.2    1041.0", "猫             –       9.5"]],
  [20, [...["tiny", "  top-1 (%)  72.2", "  images/s   1041.0"], ...["猫", "  top-1 (%)  –", "  images/s   9.5"]]],
])("gives each row lines of its own where %d columns are too few", (columns, expected) => {
  expect(textTable(head, rows, columns).split("\n")).toEqual(expected);
});
