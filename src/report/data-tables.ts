/** Tables of the data doctor's page: classes by size, and picture sizes. */
import { classSizes } from "../data/check/checks/classes.js";
import type { Survey } from "../data/check/survey.js";
import { type Content, html } from "./html.js";
import { type Column, details, meter, table } from "./page.js";

/** Classes shown initially from either end, and in the whole list. */
const shownAtOnce = 20;
const mostRows = 2000;

/** Classes from the largest to the smallest. */
export function classTable(survey: Survey): Content {
  const { classes, parts } = survey;
  const sizes = classSizes(survey);
  const largest = Math.max(1, ...sizes[0]);
  const order = classes.map((_, c) => c).sort((a, b) => sizes[0][b] - sizes[0][a] || a - b);
  const columns: Column[] = [
    { title: "Class" },
    ...parts.map(({ name }, p): Column => ({ title: name, align: p === 0 ? "left" : "right" })),
  ];
  const row = (c: number): Content[] => [
    classes[c],
    meter(sizes[0][c] / largest, sizes[0][c].toLocaleString("en")),
    ...sizes.slice(1).map((part) => part[c].toLocaleString("en")),
  ];
  if (order.length <= 3 * shownAtOnce) return table("Images per class", columns, order.map(row));
  const all = table("Images per class", columns, order.slice(0, mostRows).map(row));
  return [
    table(`Images per class: the ${shownAtOnce} largest`, columns, order.slice(0, shownAtOnce).map(row)),
    table(`Images per class: the ${shownAtOnce} smallest`, columns, order.slice(-shownAtOnce).map(row)),
    details(order.length > mostRows ? `The ${mostRows.toLocaleString("en")} largest classes` : "All classes", all),
  ];
}

const shares = [0, 0.05, 0.5, 0.95, 1] as const;

/** Quantiles of the pictures' sizes, and their formats. */
export function sizeTables({ widths, heights, bytes, formats }: Survey, readable: readonly number[]): Content {
  const quantiles = (title: string, value: (i: number) => number, show: (n: number) => string): Content[] => {
    const sorted = Float64Array.from(readable, value).sort();
    return [title, ...shares.map((q) => show(sorted[Math.round(q * (sorted.length - 1))]))];
  };
  const pixels = (n: number) => n.toLocaleString("en");
  const titles = ["Smallest", "5 %", "Median", "95 %", "Largest"];
  const of = (i: number) => Math.max(widths[i], heights[i]) / Math.min(widths[i], heights[i]);
  const format = [...formats].sort(([, a], [, b]) => b - a);
  return [
    table(
      "Sizes of the pictures",
      [{ title: "" }, ...titles.map((title): Column => ({ title, align: "right" }))],
      [
        quantiles("Width, pixels", (i) => widths[i], pixels),
        quantiles("Height, pixels", (i) => heights[i], pixels),
        quantiles("Longer to shorter side", of, (n) => n.toFixed(2)),
        quantiles(
          "File, KiB",
          (i) => bytes[i] / 1024,
          (n) => n.toFixed(n < 10 ? 1 : 0),
        ),
      ],
    ),
    format.length === 0
      ? ""
      : html`<p>Formats: ${format.map(([name, n]) => `${name} ${n.toLocaleString("en")}`).join(", ")}.</p>`,
  ];
}
