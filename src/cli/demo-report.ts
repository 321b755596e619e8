/** What `deit demo` leaves: table and chart, a page, and what the terminal says of them. */
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { openDataset } from "../data/sources/open.js";
import type { Engine } from "../engines/engine.js";
import { distillationPage } from "../report/distillation-page.js";
import { chartPng, drawChart } from "../report/plot.js";
import type { LabelledRun } from "../report/reported-run.js";
import { inspectRun } from "../report/run-inspection.js";
import { type SweepRow, sweepChart, sweepRows } from "../report/sweep-table.js";
import { writeFileAtomic } from "../system/files/atomic-file.js";
import { duration } from "../system/text/duration.js";
import { summarizeRun } from "../training/run-folder/summary.js";
import type { CellResult } from "../training/study/sweep.js";
import { demoData, studentVariants, teacherImages } from "./demo-recipes.js";
import { parseSeeds } from "./options/options.js";
import { print } from "./output/output.js";
import { fits, markdownTable, screenColumns, textTable } from "./output/table.js";

export interface DemoOptions {
  readonly epochs: number;
  readonly images: number;
  readonly testImages: number;
  readonly seeds: string;
  readonly output: string;
  readonly threads?: number;
  readonly json?: boolean;
}

/** Figures of a run besides its accuracy; the speed is that of training. */
export interface Cost {
  readonly parameters: number;
  readonly imagesPerSecond?: number;
}

interface Row extends SweepRow, Partial<Cost> {}

interface Outcome {
  readonly results: readonly CellResult[];
  readonly costs: ReadonlyMap<string, Cost>;
  readonly options: DemoOptions;
  readonly engine: Engine;
  readonly workers: number;
  readonly signal: AbortSignal;
  /** Time since the start. */
  seconds(): number;
}

const head = ["", "top-1 (%)", "", "parameters", "images/s"];
/** The column of `head` that shows accuracy as a bar, and may be omitted. */
const barColumn = 2;
const withoutBars = (row: readonly string[]) => row.filter((_, column) => column !== barColumn);

/** Writes table, chart and page next to the runs, and prints the table. */
export async function report(outcome: Outcome): Promise<void> {
  const { results, costs, options } = outcome;
  const { output, images, testImages, epochs } = options;
  const chance: Row = {
    ...{ row: "chance", top1: 10, top1Deviation: 0, top5: 50, top5Deviation: 0, seeds: 1, failed: 0, missing: 0 },
  };
  const rows: Row[] = [chance, ...sweepRows(results).map((row) => ({ ...row, ...costs.get(row.row) }))];
  const cells = rows.map((r) => [
    r.head ? `${r.row}: ${r.head === "both" ? "both heads" : `${r.head} head`}` : r.row,
    `${r.top1.toFixed(1)}${r.seeds > 1 ? ` ± ${r.top1Deviation.toFixed(1)}` : ""}`,
    "█".repeat(Math.round(r.top1 / 4)).padEnd(25, "·"),
    r.parameters === undefined ? "" : `${(r.parameters / 1e6).toFixed(2)} M`,
    r.imagesPerSecond === undefined ? "" : r.imagesPerSecond.toFixed(0),
  ]);
  const title = `A convnet teaches transformers: ${images} images, ${epochs} epochs`;
  const chart = { ...sweepChart(title, rows), x: { label: "top-1 (%)", domain: [0, 100] as const } };
  const svg = drawChart(chart);
  const page = await pageOf({ ...outcome, title, rows, cells, chart });
  const index = join(output, "index.html");
  await writeFileAtomic(index, page);
  await writeFileAtomic(join(output, "table3.svg"), svg);
  await writeFileAtomic(join(output, "table3.png"), await chartPng(svg));
  await writeFileAtomic(join(output, "table3.md"), `${markdownTable(head, cells)}\n`);
  const seconds = outcome.seconds();
  const summary = { images, testImages, epochs, seconds, rows, folder: output, page: index };
  await writeFileAtomic(join(output, "table3.json"), `${JSON.stringify(summary, null, 2)}\n`);
  if (options.json) print(JSON.stringify(summary));
  else
    print(
      [
        `\n${screenTable(cells)}\n`,
        ...explained(rows, options),
        `That took ${duration(seconds)}. All runs, table3.svg and table3.png are in ${output}.`,
        `Curves, attention and the hardest images: open ${pathToFileURL(resolve(index)).href} in a browser.`,
        `Next: deit train <your folder of images> --finetune hub`,
      ].join("\n"),
    );
}

interface Told extends Outcome {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly cells: readonly (readonly string[])[];
  readonly chart: ReturnType<typeof sweepChart>;
}

/** The page, with the curves of the first seed and the images as the student with the token sees them. */
async function pageOf({ results, options, engine, workers, signal, title, rows, cells, chart }: Told): Promise<string> {
  const [seed] = parseSeeds(options.seeds);
  const { images, testImages, output } = options;
  const students: LabelledRun[] = [];
  for (const { cell } of results) {
    const { row } = cell;
    if (!Object.hasOwn(studentVariants, row) || cell.seed !== seed) continue;
    students.push({ label: shortName(row), run: await summarizeRun(join(output, cell.folder)) });
  }
  const dataset = await openDataset(demoData(testImages), { split: "test" });
  const first = dataset.classes.map((_, label) => label).filter((label) => label < dataset.length);
  const { run } = students[students.length - 1];
  const inspection = await inspectRun(run, {
    ...{ engine, dataset, workers, signal, shown: 6, picked: first, weights: "last" as const },
  });
  return distillationPage({
    title,
    lead: `Students with ${images} images of ten kinds of shapes, and a teacher that has seen ${teacherImages.toLocaleString("en")} others. All students train alike, but for what they learn from.`,
    sentences: explained(rows, options),
    head: withoutBars(head).map((name, i) => ({ title: name, align: i === 0 ? "left" : "right" })),
    ...{ rows: cells.map(withoutBars), chart, students },
    inspected: { name: "the student with the distillation token", inspection },
    footer: "Made by deit demo. Images are part of this file; nothing is loaded from elsewhere.",
  });
}

/** "DeiT, soft distillation" → "soft". */
const shortName = (row: string): string =>
  row.includes("token")
    ? "token"
    : row.replace("DeiT, no", "DeiT, none").replace("DeiT, ", "").replace(" distillation", "");

/** The table without bars if the screen is too narrow for them. */
function screenTable(cells: readonly (readonly string[])[]): string {
  const whole = textTable(head, cells, Number.POSITIVE_INFINITY);
  return fits(whole, screenColumns()) ? whole : textTable(withoutBars(head), cells.map(withoutBars));
}

/** What the table says, and how much of it may be chance. */
function explained(rows: readonly Row[], { testImages, seeds }: DemoOptions): string[] {
  const top1 = (name: string, part?: string) => rows.find((r) => r.row === name && r.head === part)?.top1 ?? 0;
  // Two standard errors of the difference of two shares near one half.
  const chance = 200 * Math.sqrt(0.5 / testImages);
  const oneSeed = parseSeeds(seeds).length === 1;
  const gain = top1("DeiT, hard, with the token", "both") - top1("DeiT, no distillation");
  const differs = Math.abs(gain) > chance;
  return [
    differs
      ? `With the distillation token, the student is ${Math.abs(gain).toFixed(1)} points ${gain > 0 ? "better" : "worse"} than the same student without a teacher.`
      : `The student with the distillation token is not clearly ${gain < 0 ? "worse" : "better"} than the same student without a teacher.`,
    `With ${testImages} test images, differences below ${chance.toFixed(1)} points may be chance${oneSeed ? "; how far seeds lie apart, one seed does not tell (try --seeds 0,1,2)" : "; ± is the standard deviation over the seeds"}.`,
  ];
}
