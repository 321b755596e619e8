/** `deit diff`: show where two runs or recipes differ. */
import type { Command } from "commander";
import {
  describeSide,
  type RunDifferences,
  runDifferences,
  type ValueDifference,
} from "../../training/run-folder/comparison.js";
import { print } from "../output/output.js";

export function define(command: Command): void {
  command
    .argument("<a>", "run folder, recipe file, or name of a packaged recipe")
    .argument("<b>", "what to compare it with")
    .option("--json", "print one JSON value")
    .addHelpText(
      "after",
      "\nExample:\n  deit diff runs/plain runs/distilled\n  deit diff deit-base deit-base-distilled",
    )
    .action(run);
}

async function run(a: string, b: string, { json }: { readonly json?: boolean }): Promise<void> {
  const differences = runDifferences(await describeSide(a), await describeSide(b));
  print(json ? JSON.stringify({ a, b, ...differences }) : table(a, b, differences));
}

const titles = { recipe: "settings", environment: "environment", result: "results" } as const;

function table(a: string, b: string, differences: RunDifferences): string {
  const sections = (["recipe", "environment", "result"] as const).filter((part) => differences[part].length > 0);
  if (sections.length === 0) return `${a} and ${b} do not differ.`;
  const rows = sections.map((part) => differences[part].map(({ key, a, b }) => [key, word(a), word(b)]));
  const all = [["", a, b], ...rows.flat()];
  const widths = [0, 1].map((column) => Math.max(...all.map((row) => row[column].length)));
  const line = (row: readonly string[]) =>
    `  ${row[0].padEnd(widths[0])}  ${row[1].padEnd(widths[1])}  ${row[2]}`.trimEnd();
  return [line(["", a, b]), ...sections.flatMap((part, i) => [titles[part], ...rows[i].map(line)])].join("\n");
}

function word(value: ValueDifference["a"]): string {
  if (value === undefined) return "–";
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
