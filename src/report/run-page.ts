/** The page of one or more runs: how they went, how they differ, and what their models get wrong. */
import { type Message, sentence, setting } from "../errors/sentence.js";
import { calibration } from "../evaluation/decisions.js";
import { duration } from "../system/text/duration.js";
import { shellWord } from "../system/text/shell-word.js";
import { chartFigures, chartsCss } from "./chart-figures.js";
import { calibrationFigure, classTable, confusionTables, matrixCss } from "./decision-tables.js";
import { exampleGallery, galleryCss } from "./example-gallery.js";
import { type Content, html } from "./html.js";
import { details, notice, type PageSection, page, tiles } from "./page.js";
import { type LabelledRun, labelled, type ReportedRun } from "./reported-run.js";
import { runCurves } from "./run-curves.js";
import type { RunInspection } from "./run-inspection.js";
import { comparisonTable, environmentTable, historyTable, recipeTables } from "./run-tables.js";
import { headed, percentText, tellsTop5, verdict } from "./verdict.js";

/** What a server adds to the page. */
export interface LiveFrame {
  /** Content above all else. */
  readonly links: Content;
  /** Images of the run, if it is only one. */
  readonly samples?: Content;
  readonly footer: Content;
  /** Address of the script that renews the page. */
  readonly script: string;
  readonly css: string;
}

/**
 * The document, without scripts or external resources unless it is `live`. `worded` shows the settings that it names.
 */
export function runPage(
  reported: readonly ReportedRun[],
  worded: (text: Message) => string = String,
  live?: LiveFrame,
): string {
  const runs = labelled(reported);
  const several = runs.length > 1;
  const sections: PageSection[] = [
    ...(several ? [{ id: "comparison", title: "Comparison", body: comparisonTable(runs) }] : []),
    { id: "curves", title: "Curves", body: curves(runs) },
    ...(live?.samples === undefined ? [] : [{ id: "samples", title: "Samples", body: live.samples }]),
    ...inspected("confusions", "Confusions", runs, ({ decisions, classes }) => confusionTables(decisions, classes)),
    ...inspected("mistakes", "Most confident mistakes", runs, (i) => [
      html`<p>The mistakes that the model was most confident about. Look for wrong labels among them.</p>`,
      exampleGallery(i.surestMistakes, i.classes),
    ]),
    ...inspected("hardest", "Hardest images", runs, (i) => [
      html`<p>Of the other images, those whose true class got the least probability.</p>`,
      exampleGallery(i.hardest, i.classes),
    ]),
    ...inspected("classes", "Classes", runs, ({ decisions, classes }) => classTable(decisions, classes)),
    ...inspected("calibration", "Calibration", runs, ({ decisions }) => calibrationFigure(decisions)),
    { id: "recipe", title: "Recipe", body: recipeTables(runs) },
    { id: "environment", title: "Environment", body: environmentTable(runs) },
    { id: "history", title: "What happened", body: perRun(runs, ({ run }) => historyTable(run)) },
  ];
  const [{ run: first }] = runs;
  return page({
    title: several ? `${runs.length} runs` : `Run ${runs[0].label}`,
    lead: several
      ? runs.map(({ run }) => run.folder).join(", ")
      : `${first.recipe.model} on ${first.manifest.data}, begun ${first.manifest.began.slice(0, 16).replace("T", " ")} UTC.`,
    summary: [
      live?.links,
      several ? "" : headline(runs[0]),
      several ? "" : summaryTiles(runs[0]),
      runs.map((each) => notices(each, several, worded)),
    ],
    sections,
    footer:
      live?.footer ??
      html`Made by <code>deit report</code>. Images are part of this file; nothing is loaded from elsewhere.`,
    css: `${matrixCss}${chartsCss}${galleryCss}${live?.css ?? ""}`,
    script: live?.script,
  });
}

function summaryTiles({ run, inspection }: LabelledRun): Content {
  const { best, final, epochs, recipe, state, seconds, manifest } = run;
  const last = epochs.at(-1);
  return tiles([
    ...(best?.test
      ? [
          {
            label: final ? `${headed(best.test).title}, validation` : headed(best.test).title,
            value: percentText(headed(best.test).percent),
            note: `best epoch: ${best.epoch}${manifest.testPart === "validation" && !final ? ", chosen on these images" : ""}`,
          },
          ...(best.test.map === undefined && tellsTop5(manifest.classes)
            ? [{ label: "Top-5", value: percentText(best.test.top5) }]
            : []),
        ]
      : []),
    ...(final
      ? [
          {
            label: `${headed(final).title}, test`,
            value: percentText(headed(final).percent),
            note: `measured once, ${final.images} images`,
          },
        ]
      : []),
    ...(inspection
      ? [{ label: "Calibration error", value: percentText(100 * calibration(inspection.decisions).error) }]
      : []),
    { label: "Epochs", value: `${run.done} of ${recipe.epochs}`, note: state },
    ...(last
      ? [
          { label: "Time", value: duration(seconds).replaceAll(/(\d) /g, "$1\u00a0"), note: "in epochs" },
          { label: "Images/s", value: last.imagesPerSecond.toFixed(0), note: "last epoch" },
        ]
      : []),
  ]);
}

function headline({ run }: LabelledRun): Content {
  const sentence = verdict(run);
  return sentence === undefined ? "" : html`<p class="headline">${sentence}</p>`;
}

function notices(
  { label, run, notInspected }: LabelledRun,
  several: boolean,
  worded: (text: Message) => string,
): Content {
  const name = several ? `${label}: ` : "";
  const broken = run.log.filter((line) => line.kind === "broken").length;
  const warnings = run.log.filter((line) => line.kind === "warning").length;
  return [
    run.state === "stopped"
      ? notice("warning", [
          `${name}the run is not finished; continue it with `,
          html`<code>${worded(sentence`${setting("resume", shellWord(run.folder)).of("train")}`)}</code>.`,
        ])
      : "",
    run.state === "running"
      ? notice("note", `${name}the run is still in progress; this is what it has done so far.`)
      : "",
    broken > 0
      ? notice("serious", `${name}loss or gradients were not finite ${broken === 1 ? "once" : `${broken} times`}.`)
      : "",
    warnings > 0
      ? notice("note", [
          `${name}training warned ${warnings === 1 ? "once" : `${warnings} times`}; see `,
          html`<a href="#history">what happened</a>.`,
        ])
      : "",
    notInspected === undefined ? "" : notice("note", `${name}${notInspected}`),
  ];
}

function curves(runs: readonly LabelledRun[]): Content {
  const charts = runCurves(runs);
  return charts.length === 0 ? html`<p>No epoch is done yet.</p>` : chartFigures(charts);
}

/** A section with the output of `show` for each run whose model was inspected. */
function inspected(
  id: string,
  title: string,
  runs: readonly LabelledRun[],
  show: (inspection: RunInspection) => Content,
): PageSection[] {
  const those = runs.filter((r) => r.inspection !== undefined);
  return those.length === 0 ? [] : [{ id, title, body: perRun(those, (r) => show(r.inspection!)) }];
}

/** The content of one run; for several, the first expanded and the others collapsed. */
function perRun(runs: readonly LabelledRun[], show: (run: LabelledRun) => Content): Content {
  return runs.length === 1 ? show(runs[0]) : runs.map((run, i) => details(run.label, show(run), i === 0));
}
