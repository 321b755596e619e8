/** The pages of training runs: a list, one run, several compared. */
import { type Content, type Html, html } from "../../report/html.js";
import { type Column, meter, notice, page, table } from "../../report/page.js";
import { runPage } from "../../report/run-page.js";
import { headed, percentText } from "../../report/verdict.js";
import type { RunSummary } from "../../training/run-folder/summary.js";
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
  const columns: readonly Column[] = [
    { title: "Compare" },
    { title: "Run" },
    { title: "Progress" },
    { title: "Top-1", align: "right" },
    { title: "Last sign (UTC)" },
  ];
  const row = ({ name, run, hasReport }: SoundRun): Content[] => {
    const { recipe, manifest, done, best, state, lastSign } = run;
    return [
      html`<label class="tick"><input type="checkbox" name="run" value="${name}" aria-label="Compare ${name}"></label>`,
      [
        html`<a href="${addressOf(name)}"><strong>${name}</strong></a>`,
        hasReport ? html` (<a href="/runs/report?run=${encodeURIComponent(name)}">report</a>)` : "",
        html`<small>${recipe.model} on ${manifest.data}</small>`,
      ],
      [meter(done / Math.max(1, recipe.epochs), `${done} of ${recipe.epochs}`), html`<small>${state}</small>`],
      best?.test ? (best.test.map === undefined ? "" : "mAP ") + percentText(headed(best.test).percent) : "–",
      lastSign.toISOString().slice(0, 16).replace("T", " "),
    ];
  };
  const all = table("Running ones first, then the most recent", columns, runs.map(row));
  const compare =
    runs.length > 1 ? html`<p><button type="submit">Compare the runs that are ticked</button></p>` : undefined;
  return html`<form class="runs" action="/runs/show" method="get">${all}${compare}</form>`;
}

/** One run, with `samples` of its images, or several compared. Throws Problem if one cannot be read. */
export async function showPage(
  runs: readonly FoundRun[],
  samples: (run: RunSummary) => Promise<Content>,
): Promise<string> {
  const reported = runs.map((found) => {
    if ("problem" in found) throw new Problem(422, `The run ${found.name} cannot be read: ${found.problem}`);
    return { run: found.run };
  });
  const [{ run }] = reported;
  return runPage(reported, String, {
    ...{ links: links(runs), footer, script, css },
    samples: reported.length === 1 ? await samples(run) : undefined,
  });
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
.runs small{display:block;color:var(--muted);overflow-wrap:anywhere}
.runs .meter{flex-wrap:wrap;gap:0 .5rem}
.runs td:nth-child(2){min-width:7rem;overflow-wrap:anywhere}
@media (max-width:40rem){
.runs table{width:100%}
.runs th:first-child{font-size:0}
.runs th,.runs td{padding-right:.5rem}
.runs .tick{padding:.125rem .25rem .125rem 0}
.runs :is(th,td):nth-child(5){display:none}
.runs td:nth-child(n+3){font-size:.8125rem}
}
.tick input{width:1.125rem;height:1.125rem;accent-color:var(--accent)}
[data-live]{color:var(--muted)}
button{font:inherit;padding:.5rem 1rem;color:var(--page);background:var(--accent);border:0;border-radius:.375rem;cursor:pointer}
`;
