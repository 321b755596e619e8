// A curve of runs, as their report draws it, as a picture of its own:
//   node scripts/run-curve.mjs "Loss" docs/cifar10.svg RUN…
import { writeFileSync } from "node:fs";
import { drawChart } from "../dist/report/plot.js";
import { runCurves } from "../dist/report/run-curves.js";
import { summarizeRun } from "../dist/training/run-folder/summary.js";

const [title, file, ...folders] = process.argv.slice(2);
const runs = await Promise.all(folders.map(summarizeRun));
const charts = runCurves(runs.map((run) => ({ label: run.folder, run })));
const chart = charts.find((c) => c.title === title);
if (!chart) throw new Error(`There is no curve "${title}"; there are ${charts.map((c) => c.title).join(", ")}.`);
writeFileSync(file, drawChart(chart));
