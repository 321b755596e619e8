import { describe, expect, it } from "vitest";
import { parseRecipe } from "../training/recipe/recipe.js";
import type { CellResult } from "../training/study/sweep.js";
import { drawChart } from "./plot.js";
import { sweepCells, sweepChart, sweepRows } from "./sweep-table.js";

const recipe = parseRecipe({});
const accuracy = (top1: number) => ({ top1, top5: 90, loss: 1, images: 100 });
const done = (row: string, seed: number, heads: Record<string, number>): CellResult => ({
  cell: { row, seed, recipe, folder: `${row}/${seed}` },
  outcome: {
    kind: "done",
    seconds: 1,
    heads: Object.fromEntries(Object.entries(heads).map(([head, top1]) => [head, accuracy(top1)])),
  },
});
const results: CellResult[] = [
  done("none", 0, { both: 70 }),
  done("none", 1, { both: 72 }),
  done("none", 2, { both: 77 }),
  done("token", 0, { both: 80, class: 78, distillation: 81 }),
  { ...done("token", 1, {}), outcome: { kind: "failed", reason: "It diverged." } },
  { ...done("later", 0, {}), outcome: { kind: "missing" } },
];

describe("the table of a sweep", () => {
  it("has mean and standard deviation over the seeds, a row per head, and missing results", () => {
    // 70, 72, 77: mean 73, deviation √((9 + 1 + 16) / 2).
    expect(sweepCells(sweepRows(results))).toEqual([
      ["none", "73.00 ± 3.61", "90.00 ± 0.00", "3"],
      ["token: class head", "78.00", "90.00", "1, 1 failed"],
      ["token: distillation head", "81.00", "90.00", "1, 1 failed"],
      ["token: both heads", "80.00", "90.00", "1, 1 failed"],
      ["later", "–", "–", "0, 1 missing"],
    ]);
  });
  it("is plotted, also before any run has finished", () => {
    expect(drawChart(sweepChart("Table", sweepRows(results)))).toContain("73.00 ± 3.61");
    expect(drawChart(sweepChart("Table", sweepRows(results.slice(5))))).not.toMatch(/NaN|Infinity/);
  });
});
