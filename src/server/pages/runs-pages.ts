/** The pages of training runs: a list, one run, several compared. */
import { type Content, type Html, html } from "../../report/html.js";
import { meter, notice, page, table } from "../../report/page.js";
import { runPage } from "../../report/run-page.js";
import { percentText } from "../../report/verdict.js";
import { Problem } from "../problem.js";
import type { FoundRun } from "./runs-folder.js";

/** The script that renews a page when a run changes. */
const script = "/runs/live.js";
const footer = html`Shown by <code>deit serve</code>; the page renews itself while it is open.`;
const live = html`<span data-live role="status">Waiting for news.</span>`;

/** The address of the page of one run, or of several compared. */
const addressOf = (...names: readonly string[]): string =>
  `/runs/show?${names.map((name) => `run=${encodeURIComponent(name)}`).join("&")}`;

export function listPage(root: string, runs: readonly FoundRun[]): string {
  const sound = runs.filter((found) => "run" in found);
  const damaged = runs.filter((found) => "problem" in found);
  return page({
    title: "Runs",
    lead: [html`Training runs in <code>${root}</code>. `, live],
    summary: [
      sound.length === 0 ? html`<p>There are no runs yet; <code>deit train</code> writes them here.</p>` : "",
      ...damaged.map(({ name, problem }) => notice("warning", `${name} cannot be read: ${problem}`)),
    ],
    sections: sound.length === 0 ? [] : [{ id: "all", title: "All runs", body: listed(sound) }],
    footer,
    script,
    css,
  });
}

type SoundRun = Extract<FoundRun, { readonly run: unknown }>;

function listed(runs: readonly SoundRun[]): Content {
  const columns = ["Compare", "Run", "State", "Epochs", "Top-1", "Model", "Data", "Last sign (UTC)"];
  const row = ({ name, run, hasReport }: SoundRun): Content[] => {
    const { recipe, manifest, done, best, state, lastSign } = run;
    return [
      html`<label class="tick"><input type="checkbox" name="run" value="${name}" aria-label="Compare ${name}"></label>`,
      [
        html`<a href="${addressOf(name)}"><strong>${name}</strong></a>`,
        hasReport ? html` (<a href="/runs/report?run=${encodeURIComponent(name)}">report</a>)` : "",
      ],
      state,
      meter(done / Math.max(1, recipe.epochs), `${done} of ${recipe.epochs}`),
      best?.test ? percentText(best.test.top1) : "–",
      recipe.model,
      manifest.data,
      lastSign.toISOString().slice(0, 16).replace("T", " "),
    ];
  };
  const all = table(
    "Running ones first, then the most recent",
    columns.map((title) => ({ title })),
    runs.map(row),
  );
  const compare =
    runs.length > 1 ? html`<p><button type="submit">Compare the runs that are ticked</button></p>` : undefined;
  return html`<form action="/runs/show" method="get">${all}${compare}</form>`;
}

/** One run, or several compared. Throws Problem if one cannot be read. */
export function showPage(runs: readonly FoundRun[]): string {
  const reported = runs.map((found) => {
    if ("problem" in found) throw new Problem(422, `The run ${found.name} cannot be read: ${found.problem}`);
    return { run: found.run };
  });
  return runPage(reported, String, { links: links(runs), footer, script, css });
}

function links(runs: readonly FoundRun[]): Html {
  const reports = runs.flatMap((found) =>
    "run" in found && found.hasReport
      ? [
          html` · <a href="/runs/report?run=${encodeURIComponent(found.name)}">Report of ${found.name}: mistakes, samples, calibration</a>`,
        ]
      : [],
  );
  return html`<p class="links"><a href="/runs">All runs</a>${reports} · ${live}</p>`;
}

const css = `
.links{max-width:none}
.tick{display:block;padding:.125rem .5rem}
.tick input{width:1.125rem;height:1.125rem;accent-color:var(--accent)}
[data-live]{color:var(--muted)}
button{font:inherit;padding:.5rem 1rem;color:var(--page);background:var(--accent);border:0;border-radius:.375rem;cursor:pointer}
`;
