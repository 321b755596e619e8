/** `deit export`: a model for other programs. */
import { type Command, Option } from "commander";
import type { Dataset } from "../../data/dataset/dataset.js";
import { readClassFile } from "../../data/dataset/files.js";
import type { EngineChoice } from "../../engines/open.js";
import { type ModelChoice, openModel } from "../../evaluation/open-model.js";
import type { ViewChoice } from "../../evaluation/view.js";
import { type ExportResult, exportModel } from "../../export/export.js";
import type { Head } from "../../models/context.js";
import { type LayoutName, layoutNames, layouts } from "../../portable/layouts/index.js";
import { verificationTable } from "../../portable/model-card.js";
import { type QuantizationName, quantizationNames, quantizations } from "../../portable/quantize/index.js";
import { requireNewFolder } from "../../system/files/new-folder.js";
import { testDataset } from "../inputs/evaluation-data.js";
import { imagesWithoutLabels } from "../options/images-argument.js";
import { engineOptions, number, runSplitOption, wholeNumber, withEngine } from "../options/options.js";
import { viewChoice, viewOptions } from "../options/view.js";
import { type Ending, interruptible } from "../output/interruption.js";
import { print, warn } from "../output/output.js";
import { createProgress, type Progress } from "../output/progress.js";
import { textTable } from "../output/table.js";

export function define(command: Command): void {
  const forms = layoutNames.map((name) => `${name} (${layouts[name].about})`).join(", ");
  viewOptions(command)
    .argument("<source>", "a run folder, safetensors or PyTorch file, hub, or hub:owner/name")
    .addOption(new Option("--to <layout>", forms).choices(layoutNames).makeOptionMandatory())
    .requiredOption("-o, --output <folder>", "folder to create")
    .option("--model <name>", "model of the weights; deit's own checkpoints record it")
    .option("--classes <file>", "class names, one per line (default for published weights: ImageNet's)")
    .addOption(
      new Option("--head <head>", "head of a distilled model whose logits are exported")
        .choices(["both", "class", "distillation"])
        .default("both"),
    )
    .option(
      "--license <name>",
      "licence of the weights for the model card, such as apache-2.0 (default: none is stated)",
    )
    .addOption(
      new Option(
        "--quantize <formats...>",
        `number formats besides float32: ${quantizationNames.map((name) => `${name} (${quantizations[name].about})`).join(", ")}; default: float16 and int8 for huggingface, none for onnx`,
      ).choices(quantizationNames),
    )
    .option(
      "--preprocessing",
      "put the preprocessing into the graph: for onnx, of a further file, which answers with probabilities; for huggingface, of all files, so that transformers.js answers as deit does",
    )
    .option(
      "--data <folder>",
      "images with labels to measure the export on (default: 64 built-in images without labels)",
    )
    .option(
      "--calibration <folder>",
      "images, with or without labels, whose activations decide the ranges of int8-static (default: 32 of --data, on which nothing is measured then)",
    )
    .option("--images <n>", "the most images to measure on (default: 500 of --data, 64 built-in ones)", wholeNumber(1))
    .option(
      "--max-loss <points>",
      "write nothing if a file loses more points of top-1 accuracy than this",
      number(0, 100),
    )
    .option("--json", "print one JSON value");
  engineOptions(runSplitOption(command))
    .addHelpText(
      "after",
      `
Every file is compared with the source on images. Without --data, the loss of --max-loss is the share of images with
another most likely class.

Examples:
  deit export runs/photos --to onnx --output photos-onnx
  deit export runs/photos --to huggingface --output photos-web --data photos/ --max-loss 0.5
  deit export hub --model deit_tiny_patch16_224 --to transformers --output deit-tiny`,
    )
    .action((source: string, options: Options) =>
      interruptible((signal, ending) => run(source, options, signal, ending)),
    );
}

interface Options extends ViewChoice, EngineChoice {
  readonly to: LayoutName;
  readonly output: string;
  readonly model?: string;
  readonly classes?: string;
  readonly head: Head;
  readonly license?: string;
  readonly quantize?: readonly QuantizationName[];
  readonly preprocessing?: boolean;
  readonly data?: string;
  readonly split: string;
  readonly calibration?: string;
  readonly images?: number;
  readonly maxLoss?: number;
  readonly json?: boolean;
}

async function run(weights: string, options: Options, signal: AbortSignal, ending: Ending): Promise<void> {
  const { to, output, model, head, license, quantize, preprocessing, maxLoss, images } = options;
  await requireNewFolder(output);
  const classes = options.classes === undefined ? undefined : await readClassFile(options.classes);
  const choice = { ...viewChoice(options), weights, model, classes };
  const data = options.data === undefined ? undefined : await labelledImages(options.data, choice, options, signal);
  const calibration =
    options.calibration === undefined ? undefined : await imagesWithoutLabels(options.calibration, signal);
  let progress: Progress | undefined;
  const onMeasured = (done: number, total: number) => {
    progress ??= createProgress({ title: "measuring", total, unit: "images", quiet: options.json });
    progress.update(done);
  };
  const result = await withEngine(options, (engine) =>
    exportModel({
      ...{
        ...choice,
        to,
        output,
        head,
        license,
        quantize,
        preprocessing,
        data,
        calibration,
        images,
        maxLoss,
        engine,
        signal,
        onWriting: () => ending.saves("removing what is written"),
        onMeasured,
      },
    }),
  ).finally(() => progress?.stop());
  for (const note of result.notes) warn(note);
  if (options.json) print(JSON.stringify(result));
  else printResult(result);
}

async function labelledImages(
  data: string,
  choice: ModelChoice,
  { split }: Options,
  signal: AbortSignal,
): Promise<Dataset> {
  const opened = await openModel(choice);
  const measured = { data, split, weights: [{ ...opened, path: choice.weights }], batchSize: 1, workers: 0 };
  return testDataset(measured, opened.model, choice.classes ?? opened.namedClasses, signal);
}

function printResult({ output, files, verification }: ExportResult): void {
  const { head, rows } = verificationTable(verification);
  const measured = new Set(verification.files.map(({ path }) => path));
  const others = files.map(({ path }) => path).filter((path) => !measured.has(path));
  print(
    `${output}, measured on ${verification.images} images (${verification.data}):\n\n${textTable(head, rows)}\n\nbeside them ${others.join(", ")}`,
  );
}
