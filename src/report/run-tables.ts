/** Tables of runs side by side: results, settings, environment, and events. */
import { calibration } from "../evaluation/decisions.js";
import { duration } from "../system/text/duration.js";
import { parseRecipe } from "../training/recipe/recipe.js";
import { comparedRun } from "../training/run-folder/comparison.js";
import type { LogLine } from "../training/run-folder/log-schema.js";
import type { RunSummary } from "../training/run-folder/summary.js";
import { type Content, html } from "./html.js";
import { type Column, details, table, withCode } from "./page.js";
import type { LabelledRun } from "./reported-run.js";
import { headed, percentText, tellsTop5, verdict } from "./verdict.js";

const right: Column["align"] = "right";

/** A row per run, best first. */
export function comparisonTable(runs: readonly LabelledRun[]): Content {
  const one = runs.filter(({ run }) => run.recipe.labels === "one");
  const several = one.length < runs.length;
  const top5 = one.some(({ run }) => tellsTop5(run.manifest.classes));
  const columns: Column[] = [
    { title: "Run" },
    ...[
      ...(several ? ["mAP"] : []),
      ...(one.length > 0 ? ["Top-1"] : []),
      ...(top5 ? ["Top-5"] : []),
      "Test loss",
      "Calibration error",
      "Epochs",
      "Images/s",
      "Time",
    ].map((title) => ({ title, align: right })),
    ...["State", "Model", "Folder"].map((title) => ({ title })),
  ];
  const shareOf = ({ run: { best } }: LabelledRun) => (best?.test ? headed(best.test).percent : -1);
  const order = [...runs].sort((a, b) => shareOf(b) - shareOf(a));
  const number = (value: number | null | undefined, show: (n: number) => string) =>
    typeof value === "number" ? show(value) : "–";
  const row = ({ label, run, inspection }: LabelledRun): Content[] => {
    const { best, epochs, done, recipe, state, seconds } = run;
    const ofOne = recipe.labels === "one" ? best?.test : undefined;
    return [
      html`<strong>${label}</strong>`,
      ...(several ? [number(best?.test?.map, percentText)] : []),
      ...(one.length > 0 ? [number(ofOne?.top1, percentText)] : []),
      ...(top5 ? [number(ofOne?.top5, percentText)] : []),
      number(best?.test?.loss, (n) => n.toFixed(4)),
      number(inspection && 100 * calibration(inspection.decisions).error, percentText),
      `${done} of ${recipe.epochs}`,
      number(epochs.at(-1)?.imagesPerSecond, (n) => n.toFixed(0)),
      epochs.length === 0 ? "–" : duration(seconds),
      state,
      recipe.model,
      run.folder,
    ];
  };
  const sentences = order.flatMap(({ label, run }) => {
    const sentence = verdict(run);
    return sentence === undefined ? [] : [html`<li><strong>${label}</strong>: ${sentence}</li>`];
  });
  return [
    sentences.length === 0 ? "" : html`<ul>${sentences}</ul>`,
    table("The runs at their best epoch, the best first", columns, order.map(row)),
  ];
}

type Values = Readonly<Record<string, unknown>>;

/** Unusual settings first: for one run those that are not the defaults, for several those that differ. */
export function recipeTables(runs: readonly LabelledRun[]): Content {
  const recipes = runs.map(({ run }): Values => withoutNotes(run.recipe));
  const all = keysOf(recipes);
  const different = (values: readonly Values[]) =>
    all.filter((key) => new Set(values.map((v) => JSON.stringify(v[key]))).size > 1);
  const columns = (keys: readonly string[], caption: string) => valueTable(caption, keys, runs, recipes);
  const { about } = runs[0].run.recipe;
  if (runs.length === 1) {
    const changed = different([recipes[0], parseRecipe({}) as Values]);
    return [
      about === "" ? "" : html`<p>${withCode(about)}</p>`,
      changed.length === 0
        ? html`<p>All settings are the defaults.</p>`
        : columns(changed, "Settings that are not the defaults"),
      details("All settings", columns(all, "All settings")),
    ];
  }
  const changed = different(recipes);
  return [
    changed.length === 0 ? html`<p>All settings are the same.</p>` : columns(changed, "Settings that differ"),
    details("All settings", columns(all, "All settings")),
  ];
}

const withoutNotes = ({ about: _, why: __, ...rest }: RunSummary["recipe"]): Values => rest;

/** The versions, machine and data that the results depend on. */
export function environmentTable(runs: readonly LabelledRun[]): Content {
  const values = runs.map(({ run }) => comparedRun(run).environment);
  return valueTable("At the last start", keysOf(values), runs, values);
}

const keysOf = (values: readonly Values[]): string[] => [
  ...new Set(values.flatMap((v) => Object.keys(v).filter((key) => v[key] !== undefined))),
];

function valueTable(caption: string, keys: readonly string[], runs: readonly LabelledRun[], values: readonly Values[]) {
  const columns = [{ title: "" }, ...runs.map(({ label }) => ({ title: runs.length === 1 ? "Value" : label }))];
  const text = (value: unknown) =>
    value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value);
  return table(
    caption,
    columns,
    keys.map((key) => [html`<code>${key}</code>`, ...values.map((v) => text(v[key]))]),
  );
}

/** Lines of the log other than the epochs. */
export function historyTable({ log }: RunSummary): Content {
  const rows = log.flatMap((line) => {
    const [what, more] = happened(line) ?? [];
    return what === undefined ? [] : [[line.time.slice(0, 19).replace("T", " "), what, more]];
  });
  const shown = rows.slice(-mostLines);
  const caption = shown.length < rows.length ? `The last ${mostLines} of ${rows.length} entries` : "Times are UTC";
  return table(caption, [{ title: "When" }, { title: "What" }, { title: "" }], shown);
}

/** Event and text of a log line; undefined for epochs, which are in the curves. */
function happened(line: LogLine): readonly [string, string] | undefined {
  switch (line.kind) {
    case "environment":
      return ["start", `${line.engine} on ${line.devices} × ${line.platform}, ${line.version}`];
    case "resumed":
      return ["resumed", `after step ${line.step}${changesText(line.changed)}`];
    case "warning":
      return ["warning", line.message];
    case "broken":
      return ["broken", `no finite ${line.what} at step ${line.step}; first: ${line.first}`];
    case "rollback":
      return ["rollback", `back to step ${line.step}, rate times ${line.rateFactor}`];
    case "stopped":
      return ["stopped", `at step ${line.step}: ${line.reason}`];
    case "finished":
      return [
        "finished",
        `after step ${line.step}${line.stoppedEarly ? `, epoch ${line.epoch}, as evaluations brought nothing better` : ""}`,
      ];
    case "epoch":
      return undefined;
  }
}

/** Maximum log entries shown; a run may warn at every step. */
const mostLines = 200;

function changesText(changed: Readonly<Record<string, { from?: unknown; to?: unknown }>>): string {
  const all = Object.entries(changed).map(
    ([key, { from, to }]) => `${key} from ${JSON.stringify(from)} to ${JSON.stringify(to)}`,
  );
  return all.length === 0 ? "" : `, with ${all.join(", ")}`;
}
