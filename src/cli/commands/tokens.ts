/** `deit tokens`: similarity of the class and distillation tokens, layer by layer (paper, section 5.2). */
import type { Command } from "commander";
import type { EngineChoice } from "../../engines/open.js";
import { passOver } from "../../evaluation/pass.js";
import { Probe } from "../../evaluation/probe.js";
import { meanTokenCosines, type TokenCosine, tokenCosines } from "../../evaluation/tokens.js";
import type { Chart } from "../../report/plot.js";
import {
  type DataOptions,
  dataOptions,
  evaluationLoader,
  namedClasses,
  testDataset,
} from "../inputs/evaluation-data.js";
import { openNotedModel } from "../inputs/noted-model.js";
import { type ModelArgument, modelArguments } from "../options/model-argument.js";
import { engineOptions, withEngine } from "../options/options.js";
import { viewChoice } from "../options/view.js";
import { interruptible } from "../output/interruption.js";
import { print } from "../output/output.js";
import { checkPlotFile, writePlot } from "../output/plot-file.js";
import { createProgress } from "../output/progress.js";
import { textTable } from "../output/table.js";
import { modelsForm } from "../output/wording.js";

export function define(command: Command): void {
  dataOptions(engineOptions(command))
    .argument("<models...>", `distilled models, ${modelsForm} each`)
    .option("--plot <file>", "write the curves as .svg or .png")
    .option("--json", "print one JSON value")
    .addHelpText(
      "after",
      "\nExample:\n  deit tokens teacher=runs/distilled labels=runs/second-class-token --data photos/ --plot tokens.svg\n\nThe paper reports 0.06 for the learned tokens, 0.93 at the last layer, and 0.999 if both tokens learn the true labels.",
    )
    .action((models: string[], options: Options) =>
      interruptible((signal) => run(modelArguments(models), options, signal)),
    );
}

interface Options extends EngineChoice, DataOptions {
  readonly plot?: string;
  readonly json?: boolean;
}

interface Result {
  readonly name: string;
  readonly model: string;
  readonly images: number;
  readonly layers: readonly TokenCosine[];
}

async function run(models: readonly ModelArgument[], options: Options, signal: AbortSignal): Promise<void> {
  await checkPlotFile(options.plot);
  const results = await withEngine(options, async (engine) => {
    const all: Result[] = [];
    for (const argument of models) {
      const choice = { ...viewChoice(options), ...argument, classes: await namedClasses(options) };
      const opened = await openNotedModel(choice);
      const { model, view, weights, namedClasses: classes } = opened;
      const measured = [{ ...opened, path: argument.weights }];
      const dataset = await testDataset({ ...options, weights: measured }, model, classes, signal);
      const probe = await Probe.create(engine, model, weights, tokenCosines(model));
      const loader = evaluationLoader(dataset, view, options);
      const progress = createProgress({
        ...{ title: argument.name, total: dataset.length, unit: "images", quiet: options.json },
      });
      try {
        const pass = passOver(probe, { loader, signal, onProgress: (n) => progress.update(n) });
        const layers = await meanTokenCosines(model, pass);
        all.push({ name: argument.name, model: model.name, images: dataset.length, layers });
      } finally {
        progress.stop();
        await loader.close();
        await probe.dispose();
      }
    }
    return all;
  });
  await writePlot(options.plot, chart(results));
  if (options.json) print(JSON.stringify(results));
  else for (const result of results) print(table(result));
}

function table({ name, images, layers }: Result): string {
  const rows = layers.map(({ layer, cosine, deviation }) => [layer, cosine.toFixed(4), deviation.toFixed(4)]);
  return `${name}: cosine between class and distillation token, mean of ${images} images\n\n${textTable(["after", "cosine", "deviation"], rows)}\n`;
}

/** Curves over the depth: 0 the embedding, then the blocks; the final norm is only in the table. */
function chart(results: readonly Result[]): Chart {
  const curves = results.map(({ name, layers }) => ({
    name,
    points: layers
      .filter(({ layer }) => layer === "embedding" || layer.startsWith("block"))
      .map(({ cosine, deviation }, x) => ({ x, y: cosine, deviation })),
  }));
  return {
    kind: "lines",
    title: "Cosine of class and distillation token",
    note: `Mean over ${results[0].images} images; the band is one standard deviation`,
    x: { label: "block" },
    y: { label: "cosine", domain: [Math.min(0, ...curves.flatMap((c) => c.points.map((p) => p.y - p.deviation))), 1] },
    series: curves,
  };
}
