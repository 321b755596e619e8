/** A model's predictions on its test images, for a page: classes, confusions, calibration. */
import {
  type ClassResult,
  type Confusion,
  calibration,
  classResults,
  confusions,
  type Decisions,
} from "../evaluation/decisions.js";
import { type Content, html, trusted } from "./html.js";
import { type Column, columns, details, figure, meter, table } from "./page.js";
import { drawChart } from "./plot.js";

/** The whole matrix is shown for up to this many classes. */
const mostInMatrix = 20;
/** Maximum pairs of classes that are listed, and classes shown initially and in total. */
const mostPairs = 20;
const classesAtOnce = 20;
const mostClasses = 2000;

const percent = (share: number | undefined): string =>
  share === undefined ? "–" : `${(100 * share).toFixed(1)}\u00a0%`;
const right: Column["align"] = "right";

/** The classes, worst first. */
export function classTable(decisions: Decisions, classes: readonly string[]): Content {
  const results = classResults(decisions).filter((c) => c.images > 0 || c.precision !== undefined);
  const order = results.sort((a, b) => f1(a) - f1(b) || a.label - b.label);
  const heads: Column[] = [
    { title: "Class" },
    { title: "Found (recall)" },
    { title: "Precision", align: right },
    { title: "F1", align: right },
    { title: "Images", align: right },
  ];
  const row = (c: ClassResult): Content[] => [
    classes[c.label],
    c.recall === undefined ? "–" : meter(c.recall, percent(c.recall)),
    percent(c.precision),
    percent(f1(c)),
    c.images.toLocaleString("en"),
  ];
  if (order.length <= 2 * classesAtOnce) return table("Classes, the worst first", heads, order.map(row));
  const all = table("Classes, the worst first", heads, order.slice(0, mostClasses).map(row));
  return [
    table(`The ${classesAtOnce} worst classes`, heads, order.slice(0, classesAtOnce).map(row)),
    details(order.length > mostClasses ? `The ${mostClasses} worst classes` : `All ${order.length} classes`, all),
  ];
}

/** Harmonic mean of recall and precision, an undefined one counting as 0. */
function f1({ recall = 0, precision = 0 }: ClassResult): number {
  return recall + precision === 0 ? 0 : (2 * recall * precision) / (recall + precision);
}

/** The matrix if it is small enough to read, and the most confused pairs. */
export function confusionTables(decisions: Decisions, classes: readonly string[]): Content {
  const all = confusions(decisions);
  const wrong = all.filter((c) => c.label !== c.decided);
  const pairs = pairTable(wrong, decisions, classes);
  return classes.length <= mostInMatrix ? columns(matrix(all, classes), pairs) : pairs;
}

function pairTable(wrong: readonly Confusion[], decisions: Decisions, classes: readonly string[]): Content {
  if (wrong.length === 0) return html`<p>No image was misclassified.</p>`;
  const images = classResults(decisions).map((c) => c.images);
  const heads: Column[] = [
    { title: "It is" },
    { title: "Taken for" },
    { title: "Images", align: right },
    { title: "Of the class", align: right },
  ];
  const rows = wrong
    .slice(0, mostPairs)
    .map(({ label, decided, images: n }) => [
      classes[label],
      classes[decided],
      n.toLocaleString("en"),
      percent(n / images[label]),
    ]);
  const caption =
    wrong.length > mostPairs ? `The ${mostPairs} most frequent of ${wrong.length} confusions` : "All confusions";
  return table(caption, heads, rows);
}

function matrix(all: readonly Confusion[], classes: readonly string[]): Content {
  const counts = new Map(all.map(({ label, decided, images }) => [label * classes.length + decided, images]));
  const row = (name: string, label: number) => {
    const cells = classes.map((_, decided) => counts.get(label * classes.length + decided) ?? 0);
    const total = cells.reduce((a, b) => a + b, 0);
    const cell = (n: number, decided: number) => {
      const hit = trusted(decided === label ? " hit" : "");
      return html`<td class="cell${hit}" style="--share:${(total === 0 ? 0 : n / total).toFixed(3)}">${n === 0 ? html`<i>0</i>` : n}</td>`;
    };
    return html`<tr><th scope="row">${name}</th>${cells.map(cell)}</tr>
`;
  };
  const caption = "A row per true class, a column per decision";
  return html`<div class="scroll" role="region" aria-label="Confusion matrix" tabindex="0"><table class="matrix">
<caption>${caption}</caption>
<thead><tr><td></td>${classes.map((name) => html`<th scope="col"><span>${name}</span></th>`)}</tr></thead>
<tbody>${classes.map(row)}</tbody>
</table></div>`;
}

/** CSS rules of the matrix. */
export const matrixCss = `
.matrix{min-width:0;border-collapse:separate;border-spacing:2px}
.matrix th,.matrix td{padding:.25rem .375rem;border:0;vertical-align:middle}
.matrix thead th{vertical-align:bottom}
.matrix thead span{writing-mode:vertical-rl;transform:rotate(180deg);max-height:9rem;overflow:hidden;text-overflow:ellipsis}
.matrix tbody th{max-width:12rem;overflow:hidden;text-overflow:ellipsis}
.cell{min-width:2.25rem;text-align:center;font-variant-numeric:tabular-nums;print-color-adjust:exact;
background:color-mix(in srgb,var(--series-2) calc(var(--share)*50%),var(--surface))}
.cell.hit{background:color-mix(in srgb,var(--series-1) calc(var(--share)*50%),var(--surface));font-weight:600}
.cell i{font-style:normal;color:var(--muted)}
`;

/** The reliability diagram with the calibration error and the numbers. */
export function calibrationFigure(decisions: Decisions): Content {
  const { bins, error } = calibration(decisions);
  const images = decisions.labels.length;
  const confidence = decisions.confidence.reduce((a, b) => a + b, 0) / images;
  const accuracy = decisions.labels.reduce((n, label, i) => n + (label === decisions.decided[i] ? 1 : 0), 0) / images;
  const svg = drawChart({
    kind: "lines",
    title: "Reliability diagram",
    width: 440,
    height: 340,
    x: { label: "confidence", domain: [0, 1] },
    y: { label: "accuracy", domain: [0, 1] },
    series: [
      { name: "model", points: bins.map((b) => ({ x: b.confidence, y: b.accuracy })) },
      {
        name: "ideal",
        points: [
          { x: 0, y: 0 },
          { x: 1, y: 1 },
        ],
      },
    ],
  });
  const verdict =
    error < 0.02
      ? "its confidence can be relied on"
      : confidence > accuracy
        ? "it is overconfident, right less often than it claims to be"
        : "it is underconfident, right more often than it claims to be";
  const rows = bins.map((b) => [percent(b.confidence), percent(b.accuracy), b.images.toLocaleString("en")]);
  const heads: Column[] = ["Mean confidence", "Accuracy", "Images"].map((title) => ({ title, align: right }));
  return [
    html`<p>The expected calibration error is <strong>${percent(error)}</strong>: mean confidence ${percent(confidence)}, accuracy ${percent(accuracy)}; ${verdict}.</p>`,
    columns(
      figure(
        trusted(svg),
        "Images in 15 bins by confidence; where the curve is below the diagonal, the model is overconfident.",
      ),
      table("The bins", heads, rows),
    ),
  ];
}
