/** Writes a plot to the file of `--plot FILE`: SVG or PNG, by its extension. */
import { extname } from "node:path";
import { UsageError } from "../../errors/errors.js";
import type { Chart } from "../../report/plot.js";
import { writeFileAtomic } from "../../system/files/atomic-file.js";
import { requireWritable } from "./file.js";

/** Throws for other extensions and unwritable locations, before any work is done. */
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
