/** `deit demo`: the main job in a few minutes, on built-in data, offline. */
import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { InterruptedError } from "../../errors.js";
import { parseRecipe, type RecipeSettings } from "../../training/recipe.js";
import { type TrainResult, train } from "../../training/trainer.js";
import { interruptible, wholeNumber, withEngine } from "../options.js";
import { trainingProgress } from "../training-progress.js";

export function define(command: Command): void {
  command
    .option("--epochs <n>", "times over the data", wholeNumber(1), 10)
    .option("--images <n>", "training images", wholeNumber(128), 8192)
    .option("--output <folder>", "run folder (replaced)", "runs/demo")
    .option("--threads <threads>", "threads of the engine", wholeNumber(1))
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  deit demo --epochs 3")
    .action((options: Options) => interruptible((signal) => run(options, signal)));
}

interface Options {
  readonly epochs: number;
  readonly images: number;
  readonly output: string;
  readonly threads?: number;
  readonly json?: boolean;
}

/** Small enough for two cores and two minutes; every image is new, so nothing needs to be augmented. */
const student: RecipeSettings = {
  about: "A DeiT of 0.5 M parameters on built-in shapes: `deit demo`, about three minutes on two cores.",
  model: "deit",
  imageSize: 32,
  patchSize: 4,
  width: 96,
  depth: 4,
  heads: 3,
  dropPath: 0,
  batchSize: 32,
  lr: 2e-3,
  scaleLr: false,
  warmupEpochs: 0.5,
  betas: [0.9, 0.95],
  labelSmoothing: 0,
  crop: "none",
  flip: 0,
  autoAugment: "none",
  repeatedAugmentation: 1,
  mixup: 0,
  cutmix: 0,
  eraseProbability: 0,
};

async function run(options: Options, signal: AbortSignal): Promise<void> {
  const { epochs, output, json = false } = options;
  const data = `procedural:32:${options.images}`;
  const workers = Math.max(1, availableParallelism() - 1);
  await rm(output, { recursive: true, force: true });
  const [vit, linear] = await withEngine(options, async (engine) => {
    const fit = async (title: string, name: string, settings: RecipeSettings): Promise<TrainResult> => {
      const progress = trainingProgress(title, json);
      const result = await train({
        recipe: parseRecipe(settings),
        engine,
        data,
        validation: "procedural:32:1024",
        output: `${output}/${name}`,
        workers,
        signal,
        onEvent: progress.onEvent,
      }).finally(progress.stop);
      if (result.interrupted) throw new InterruptedError("The demo was interrupted.");
      return result;
    };
    const baseline: RecipeSettings = {
      ...student,
      model: "linear",
      about: "The linear baseline.",
      lr: 1e-3,
      epochs: 2,
    };
    const l = await fit("linear baseline", "linear", baseline);
    return [await fit("DeiT", "deit", { ...student, epochs }), l];
  });
  const chance = 100 / vit.classes.length;
  const report = {
    chance,
    linear: linear.best?.test?.top1 ?? 0,
    deit: vit.best?.test?.top1 ?? 0,
    testImages: vit.best?.test?.images ?? 0,
    folder: `${output}/deit`,
  };
  if (json) console.log(JSON.stringify(report));
  else console.log(table(report));
}

function table({
  chance,
  linear,
  deit,
  testImages,
  folder,
}: {
  chance: number;
  linear: number;
  deit: number;
  testImages: number;
  folder: string;
}): string {
  const bar = (value: number) => "█".repeat(Math.round(value / 2.5)).padEnd(40, "·");
  const row = (name: string, value: number) => `  ${name.padEnd(20)}${bar(value)} ${value.toFixed(1).padStart(5)} %`;
  return [
    "",
    `Accuracy on ${testImages} images that were never seen in training:`,
    row("chance", chance),
    row("linear classifier", linear),
    row("DeiT from scratch", deit),
    "",
    `Weights, log and recipe are in ${folder}. Next: deit train <your folder of images>`,
  ].join("\n");
}
