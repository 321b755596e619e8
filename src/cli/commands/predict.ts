/** `deit predict`: classify images. */
import type { Command } from "commander";
import { readClassFile } from "../../data/dataset/files.js";
import type { EngineChoice } from "../../engines/open.js";
import { type DeitError, FileError, InterruptedError, UsageError } from "../../errors/errors.js";
import { Classifier } from "../../evaluation/classifier.js";
import { topK } from "../../evaluation/metrics.js";
import { probabilitiesOf } from "../../evaluation/predictions.js";
import { logitsOfCrops, type TestTime, withCrops } from "../../evaluation/test-time.js";
import type { ViewChoice } from "../../evaluation/view.js";
import { requireFiniteLogits } from "../../models/finite.js";
import { openNotedModel } from "../inputs/noted-model.js";
import { findImages } from "../options/images-argument.js";
import { engineOptions, number, wholeNumber, withEngine } from "../options/options.js";
import { testTimeOption, viewOptions } from "../options/view.js";
import { interruptible } from "../output/interruption.js";
import { print, warn } from "../output/output.js";

export function define(command: Command): void {
  viewOptions(engineOptions(command))
    .argument(
      "<images...>",
      "files, folders, globs, datasets; - for an image on standard input, @- for a list of paths there",
    )
    .requiredOption("--weights <file>", "safetensors or PyTorch file, a run folder, hub, or hub:owner/name")
    .option("--model <name>", "model of the weights; deit's own checkpoints record it")
    .option("--classes <file>", "class names, one per line (default for published weights: ImageNet's)")
    .addOption(testTimeOption())
    .option("--top <k>", "predictions per image", wholeNumber(1), 5)
    .option(
      "--threshold <probability>",
      "of weights trained on several labels: the probability from which an image has a label (default: 0.5)",
      number(0, 1),
    )
    .option("--json", "print one JSON value per line, one line per image")
    .addHelpText(
      "after",
      `
For a dataset (shards, .records, .parquet, a list, procedural …), the test part is classified if there is one, and each
image is named by its key.

Example:
  deit predict cat.jpg holiday/ 'more/*.png' photos.records --weights runs/photos --top 3`,
    )
    .action((images: string[], options: Options) => interruptible((signal) => run(images, options, signal)));
}

interface Options extends EngineChoice, ViewChoice {
  readonly weights: string;
  readonly model?: string;
  readonly classes?: string;
  readonly tta: TestTime;
  readonly top: number;
  readonly threshold?: number;
  readonly json?: boolean;
}

async function run(images: readonly string[], options: Options, signal: AbortSignal): Promise<void> {
  const classFile = options.classes ? await readClassFile(options.classes) : undefined;
  const { model, view, weights, classes, severalLabels } = await openNotedModel({ ...options, classes: classFile });
  if (options.threshold !== undefined && !severalLabels)
    throw new UsageError(
      `--threshold tells which of several labels an image has, but "${options.weights}" was trained for one class each; leave it out.`,
    );
  const inputs = await findImages(images, view, signal);
  await withEngine(options, async (engine) => {
    const classifier = await Classifier.create({ engine, model }, weights);
    const several = withCrops(view, options.tta);
    let failure: DeitError | undefined;
    for (const { name, load } of inputs) {
      if (signal.aborted) throw new InterruptedError("The prediction was interrupted.");
      try {
        const logits = await logitsOfCrops(await load(), several, (crop, size) => classifier.logits(crop, 1, size));
        requireFiniteLogits(logits, model.name, name);
        printAnswers(name, { logits, classes, severalLabels }, options);
      } catch (error) {
        // One bad image does not prevent predictions for the others.
        if (!(error instanceof FileError)) throw error;
        failure ??= error;
        if (inputs.length > 1) warn(error.text);
      }
    }
    if (failure && inputs.length > 1) process.exitCode = failure.exitCode;
    else if (failure) throw failure;
  });
}

function printAnswers(
  name: string,
  {
    logits,
    classes,
    severalLabels,
  }: { readonly logits: Float32Array; readonly classes?: readonly string[]; readonly severalLabels: boolean },
  { top, threshold = 0.5, json }: Options,
): void {
  const probabilities = probabilitiesOf(logits, severalLabels);
  const answers = topK(logits, Math.min(top, logits.length)).map((index) => ({
    index,
    class: classes?.[index] ?? String(index),
    probability: probabilities[index],
    ...(severalLabels ? { decided: probabilities[index] >= threshold } : {}),
  }));
  if (json) {
    print(JSON.stringify({ image: name, predictions: answers }));
    return;
  }
  print(name);
  for (const a of answers) {
    const mark = a.decided === undefined ? "" : a.decided ? "yes  " : "no   ";
    print(`  ${(100 * a.probability).toFixed(1).padStart(5)} %  ${mark}${a.class}`);
  }
}
