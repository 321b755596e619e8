/** `deit predict`: classify images. */
import type { Command } from "commander";
import { readClassFile } from "../../data/dataset/files.js";
import type { EngineChoice } from "../../engines/open.js";
import { type DeitError, FileError, InterruptedError } from "../../errors/errors.js";
import { Classifier } from "../../evaluation/classifier.js";
import { softmaxOf, topK } from "../../evaluation/metrics.js";
import { logitsOfCrops, type TestTime, withCrops } from "../../evaluation/test-time.js";
import type { ViewChoice } from "../../evaluation/view.js";
import { requireFiniteLogits } from "../../models/finite.js";
import { openNotedModel } from "../inputs/noted-model.js";
import { findImages } from "../options/images-argument.js";
import { engineOptions, wholeNumber, withEngine } from "../options/options.js";
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
  readonly json?: boolean;
}

async function run(images: readonly string[], options: Options, signal: AbortSignal): Promise<void> {
  const classFile = options.classes ? await readClassFile(options.classes) : undefined;
  const { model, view, weights, classes } = await openNotedModel({ ...options, classes: classFile });
  const inputs = await findImages(images, view.exif, signal);
  await withEngine(options, async (engine) => {
    const classifier = await Classifier.create({ engine, model }, weights);
    const several = withCrops(view, options.tta);
    let failure: DeitError | undefined;
    for (const { name, load } of inputs) {
      if (signal.aborted) throw new InterruptedError("The prediction was interrupted.");
      try {
        const logits = await logitsOfCrops(await load(), several, (crop) => classifier.logits(crop, 1));
        requireFiniteLogits(logits, model.name, name);
        printAnswers(name, logits, classes, options);
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
  logits: Float32Array,
  classes: readonly string[] | undefined,
  { top, json }: Options,
): void {
  const probabilities = softmaxOf(logits);
  const answers = topK(logits, Math.min(top, logits.length)).map((index) => ({
    index,
    class: classes?.[index] ?? String(index),
    probability: probabilities[index],
  }));
  if (json) {
    print(JSON.stringify({ image: name, predictions: answers }));
    return;
  }
  print(name);
  for (const a of answers) print(`  ${(100 * a.probability).toFixed(1).padStart(5)} %  ${a.class}`);
}
