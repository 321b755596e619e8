/** The page of a comparison of students that a teacher taught in different ways. */
import { chartFigures, chartsCss } from "./chart-figures.js";
import { exampleGallery, galleryCss } from "./example-gallery.js";
import { type Content, html, trusted } from "./html.js";
import { type Column, page, table } from "./page.js";
import { type Chart, drawChart } from "./plot.js";
import type { LabelledRun } from "./reported-run.js";
import { runCurves } from "./run-curves.js";
import type { RunInspection } from "./run-inspection.js";

export interface DistillationPage {
  readonly title: string;
  readonly lead: Content;
  /** What the figures say, a paragraph each. */
  readonly sentences: readonly string[];
  readonly head: readonly Column[];
  readonly rows: readonly (readonly Content[])[];
  readonly chart: Chart;
  /** The students whose curves are shown. */
  readonly students: readonly LabelledRun[];
  /** The student with the distillation token, with the images whose attention is shown as `picked`. */
  readonly inspected: { readonly name: string; readonly inspection: RunInspection };
  readonly footer: Content;
}

/** One document without scripts, which loads nothing. */
export function distillationPage(shown: DistillationPage): string {
  const { title, lead, sentences, head, rows, chart, students, footer } = shown;
  const { name, inspection } = shown.inspected;
  const curves = runCurves(students).filter(({ y }) => y.label === "loss" || y.label === "percent");
  return page({
    ...{ title, lead, footer },
    summary: sentences.map((sentence) => html`<p>${sentence}</p>`),
    sections: [
      {
        id: "accuracy",
        title: "Accuracy",
        body: [table("Top-1 on the test images", head, rows), html`<figure>${trusted(drawChart(chart))}</figure>`],
      },
      { id: "curves", title: "Curves", body: chartFigures(curves) },
      {
        id: "attention",
        title: "Attention of both tokens",
        body: [
          html`<p>The first test image of each class, as ${name} sees it.</p>`,
          exampleGallery(inspection.picked ?? [], inspection.classes),
        ],
      },
      {
        id: "hardest",
        title: "Hardest images",
        body: [
          html`<p>The images to whose true class ${name} gave the least probability.</p>`,
          exampleGallery([...inspection.surestMistakes, ...inspection.hardest], inspection.classes),
        ],
      },
    ],
    css: `${chartsCss}${galleryCss}`,
  });
}
