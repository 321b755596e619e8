/** Tables for people and for Markdown. */
import stringWidth from "string-width";
import { printable } from "../../errors/quoted.js";

/**
 * Columns under their headers; text aligned left, everything else right. If the screen is too narrow, each row is a
 * block: its first cell, and below it the others with their headers.
 */
export function textTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number = screenColumns(),
): string {
  const shown = rows.map((row) => row.map(printable));
  const grid = gridOf(head.map(printable), shown);
  return fits(grid, columns) ? grid : shown.map((row) => record(head, row)).join("\n");
}

/** Width in columns of the terminal for results; Infinity if it is not a terminal. */
export function screenColumns(): number {
  return (process.stdout.isTTY && process.stdout.columns) || Number.POSITIVE_INFINITY;
}

/** Whether no line of the text is wider. */
export function fits(text: string, columns: number): boolean {
  return text.split("\n").every((line) => stringWidth(line) <= columns);
}

function gridOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, c) => all.reduce((widest, row) => Math.max(widest, stringWidth(row[c] ?? "")), 0));
  const isText = head.map((_, c) => rows.some((row) => /^[^\d−.-]/.test(row[c] ?? "") && row[c] !== "–"));
  const line = (row: readonly string[]) =>
    row
      .map((cell, c) => {
        const blanks = " ".repeat(widths[c] - stringWidth(cell));
        return isText[c] ? cell + blanks : blanks + cell;
      })
      .join("  ")
      .trimEnd();
  return all.map(line).join("\n");
}

function record(head: readonly string[], [first, ...rest]: readonly string[]): string {
  const wide = Math.max(...head.slice(1).map((name) => stringWidth(name)));
  const line = (cell: string, i: number) =>
    `  ${head[i + 1]}${" ".repeat(wide - stringWidth(head[i + 1]))}  ${cell}`.trimEnd();
  return [first, ...rest.map(line)].join("\n");
}

/** A Markdown table; bars in cells are escaped. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((c) => c.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}
