/** `deit throughput`: images per second against accuracy (tables 1 and 5 and figure 1 of the paper). */

import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { Engine } from "../../engines/engine.js";
import type { EngineChoice } from "../../engines/open.js";
import { UsageError } from "../../errors/errors.js";
import { didYouMean } from "../../errors/nearest.js";
import { type BatchChoice, measureThroughput, type Throughput } from "../../evaluation/throughput.js";
import { type ImageSize, sizeInWords } from "../../geometry/image-size.js";
import { initializeInPieces } from "../../models/initialize.js";
import { createModel, modelNames, registeredModel } from "../../models/registry.js";
import type { Chart } from "../../report/plot.js";
import { inTurns } from "../../system/turn.js";
import { sizeOf } from "../../tensor/index.js";
import { readLog } from "../../training/run-folder/log-schema.js";
import { openNotedModel } from "../inputs/noted-model.js";
import { modelArguments } from "../options/model-argument.js";
import { engineOptions, wholeNumber, withEngine } from "../options/options.js";
import { interruptible } from "../output/interruption.js";
import { print } from "../output/output.js";
import { checkPlotFile, writePlot } from "../output/plot-file.js";
import { createProgress } from "../output/progress.js";
import { textTable } from "../output/table.js";
import { modelsForm } from "../output/wording.js";

const usual = modelNames().filter((name) => registeredModel(name)?.compared);

export function define(command: Command): void {
  engineOptions(command)
    .argument("[models...]", `model names, or ${modelsForm} each, such as run folders`, usual)
    .option(
      "--batch-size <images>",
      "a number, fastest, or largest (the largest that fits, as in the paper)",
      batchChoice,
      "fastest",
    )
    .option("--runs <n>", "timed runs of each model", wholeNumber(1), 30)
    .option("--plot <file>", "write throughput against accuracy as .svg or .png")
    .option("--json", "print one JSON value")
    .addHelpText(
      "after",
      "\nExamples:\n  deit throughput --plot figure1.svg\n  deit throughput deit_tiny_patch16_224 regnety_040 runs/photos --batch-size 32\n\nFor runs, the accuracy is that on their own test data; for model names, the published accuracy on ImageNet.",
    )
    .action((models: string[], options: Options) => interruptible((signal) => run(models, options, signal)));
}

interface Options extends EngineChoice {
  readonly batchSize: BatchChoice;
  readonly runs: number;
  readonly plot?: string;
  readonly json?: boolean;
}

interface Row extends Throughput {
  readonly name: string;
  readonly model: string;
  readonly imageSize: ImageSize;
  readonly parameters: number;
  /** Percent. */
  readonly top1?: number;
  /** Where the accuracy comes from. */
  readonly accuracy?: "published" | "run";
  /** Images per second on the paper's V100. */
  readonly v100?: number;
}

function batchChoice(text: string): BatchChoice {
  if (text === "fastest" || text === "largest") return text;
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1)
    throw new InvalidArgumentError("It must be a number of images, fastest or largest.");
  return n;
}

async function run(models: readonly string[], options: Options, signal: AbortSignal): Promise<void> {
  await checkPlotFile(options.plot);
  const rows: Row[] = [];
  let machine = "";
  await withEngine(options, async (engine) => {
    const { info } = engine;
    machine = `${info.engine} on ${info.platform}, ${info.threads ?? availableParallelism()} threads`;
    for (const text of models) rows.push(await measure(text, engine, options, signal));
  });
  await writePlot(options.plot, chart(rows, machine));
  if (options.json) print(JSON.stringify(rows));
  else
    print(
      `${machine}\n\n${textTable(
        ["model", "parameters", "pixels", "batch", "images/s", "±", "top-1 (%)", "V100 images/s"],
        rows.map((r) => [
          r.name,
          `${(r.parameters / 1e6).toFixed(1)} M`,
          sizeInWords(r.imageSize),
          String(r.batch),
          r.imagesPerSecond.toFixed(1),
          r.deviation.toFixed(1),
          r.top1?.toFixed(1) ?? "–",
          r.v100 ? String(r.v100) : "–",
        ]),
      )}\n\nMean of ${options.runs} runs; ± is the standard deviation of single runs.`,
    );
}

async function measure(text: string, engine: Engine, options: Options, signal: AbortSignal): Promise<Row> {
  const { name, model, weights, accuracy } = await opened(text, signal);
  const progress = createProgress({ title: name, total: options.runs, unit: "runs", quiet: options.json });
  try {
    const found = await measureThroughput({
      ...{ engine, model, weights, signal, batch: options.batchSize, runs: options.runs },
      onRun: (batch, run, of) => progress.update(of === undefined ? 0 : run, [`batch ${batch}`]),
    });
    const parameters = model.parameters.filter((p) => p.kind === "parameter").reduce((n, p) => n + sizeOf(p.shape), 0);
    const v100 = registeredModel(model.name)?.published?.v100;
    return { name, model: model.name, imageSize: model.imageSize, parameters, ...found, ...accuracy, v100 };
  } finally {
    progress.stop();
  }
}

/**
 * Best test accuracy of a run; undefined for weights that are not a run folder, a run without evaluation, or of several
 * labels.
 */
async function bestTop1(weights: string): Promise<number | undefined> {
  const isRun = await stat(join(weights, "log.jsonl")).catch(() => undefined);
  if (!isRun) return undefined;
  const lines = await readLog(join(weights, "log.jsonl"));
  const all = lines.flatMap((line) =>
    line.kind === "epoch" && line.test && line.test.map === undefined ? [line.test.top1] : [],
  );
  return all.length === 0 ? undefined : Math.max(...all);
}

/** A model by name, with arbitrary weights, since speed does not depend on them; or one with its own. */
async function opened(text: string, signal: AbortSignal) {
  if (modelNames().includes(text)) {
    const model = createModel(text);
    const top1 = registeredModel(text)?.published?.top1;
    const accuracy = top1 === undefined ? {} : ({ top1, accuracy: "published" } as const);
    return { name: text, model, weights: await inTurns(initializeInPieces(model, 0), signal), accuracy };
  }
  const [argument] = modelArguments([text]);
  if (argument.weights === text && !/[\\/.]/.test(text) && !(await stat(text).catch(() => undefined)))
    throw new UsageError(
      `"${text}" is neither the name of a model nor a file or folder of weights${didYouMean(text, modelNames())}`,
    );
  const { model, weights } = await openNotedModel(argument);
  const top1 = await bestTop1(argument.weights);
  return {
    name: argument.name,
    model,
    weights,
    accuracy: top1 === undefined ? {} : ({ top1, accuracy: "run" } as const),
  };
}

function chart(rows: readonly Row[], machine: string): Chart {
  const family = ({ model, accuracy }: Row) => {
    if (accuracy === "run") return "runs";
    const known = registeredModel(model);
    return known?.series ?? known?.family.title ?? model;
  };
  return {
    kind: "scatter",
    title: "Throughput against accuracy",
    note: `${machine}; accuracy ${rows.some((r) => r.accuracy === "run") ? "of the runs, or published" : "as published"}`,
    x: { label: "images/s", scale: "log" },
    y: { label: rows.some((r) => r.accuracy === "run") ? "top-1 (%)" : "ImageNet top-1 (%)" },
    points: rows.flatMap((r) =>
      r.top1 === undefined
        ? []
        : [{ x: r.imagesPerSecond, y: r.top1, label: r.name.replace("_patch16_224", ""), group: family(r) }],
    ),
  };
}
