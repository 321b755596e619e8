/** `deit data info`: what a data set holds, part by part. */
import type { Command } from "commander";
import { type Dataset, sameSamples } from "../../../data/dataset.js";
import { openDataset } from "../../../data/open.js";
import { parseSplitRule } from "../../../data/split.js";
import { FileError } from "../../../errors.js";
import { splitOption } from "../../options.js";
import { print } from "../../output.js";

export function define(command: Command): void {
  splitOption(command)
    .argument("<data>", "the data, as for training")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  deit data info photos/ --json")
    .action(run);
}

async function run(path: string, options: { split: string; json?: boolean }): Promise<void> {
  const rule = await parseSplitRule(options.split);
  const train = await openDataset(path, { split: "train", rule });
  const test = await openDataset(path, { split: "test", classes: train.classes, rule }).catch((error: unknown) => {
    if (error instanceof FileError) return undefined;
    throw error;
  });
  const parts = [describe("train", train), ...(test && !sameSamples(train, test) ? [describe("test", test)] : [])];
  if (options.json) {
    print(JSON.stringify({ name: train.name, classes: train.classes, parts }));
    return;
  }
  print(`${train.name}: ${train.classes.length} classes`);
  for (const { split, images, perClass } of parts) print(`${split}: ${images} images, ${range(perClass)} per class`);
}

function describe(split: string, dataset: Dataset): { split: string; images: number; perClass: number[] } {
  const perClass = dataset.classes.map(() => 0);
  for (let i = 0; i < dataset.length; i++) perClass[dataset.label(i)]++;
  return { split, images: dataset.length, perClass };
}

function range(counts: readonly number[]): string {
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return least === most ? String(least) : `${least} to ${most}`;
}
