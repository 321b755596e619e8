/** Tables for people and for Markdown. */
import { printable } from "../system/quoted.js";

/** Columns under their heads; texts to the left, everything else to the right. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) => row.map(printable));
  const widths = head.map((_, c) => Math.max(...all.map((row) => width(row[c] ?? ""))));
  const isText = head.map((_, c) => rows.some((row) => /^[^\d−.-]/.test(row[c] ?? "") && row[c] !== "–"));
  const line = (row: readonly string[]) =>
    row
      .map((cell, c) =>
        isText[c] ? cell + " ".repeat(widths[c] - width(cell)) : " ".repeat(widths[c] - width(cell)) + cell,
      )
      .join("  ")
      .trimEnd();
  return all.map(line).join("\n");
}

/** A Markdown table; bars in cells are escaped. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((c) => c.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

/** Columns of a terminal; all characters used here take one. */
const width = (text: string): number => [...text].length;
