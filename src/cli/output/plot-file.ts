/** Writes a plot where `--plot FILE` says: SVG, or PNG by the file's ending. */
import { extname } from "node:path";
import { UsageError } from "../../errors/errors.js";
import type { Chart } from "../../report/plot.js";
import { writeFileAtomic } from "../../system/files/atomic-file.js";
import { requireWritable } from "./file.js";

/** Refuses an ending that is neither and a place where nothing can be written, before any work is done. */
export async function checkPlotFile(path: string | undefined): Promise<void> {
  if (path !== undefined && ![".svg", ".png"].includes(extname(path).toLowerCase()))
    throw new UsageError(`--plot got "${path}"; name a file that ends in .svg or .png.`);
  await requireWritable("--plot", path);
}

export async function writePlot(path: string | undefined, chart: Chart): Promise<void> {
  if (path === undefined) return;
  const { chartPng, drawChart } = await import("../../report/plot.js");
  const svg = drawChart(chart);
  await writeFileAtomic(path, extname(path).toLowerCase() === ".png" ? await chartPng(svg) : svg);
}
