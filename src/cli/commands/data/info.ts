/** `deit data info`: describe a dataset, part by part. */
import type { Command } from "commander";
import { classBalance, countsOf, unequalSentence } from "../../../data/dataset/class-balance.js";
import type { Dataset } from "../../../data/dataset/dataset.js";
import { parseSplitRule } from "../../../data/dataset/split.js";
import { notesOf, openAllParts } from "../../../data/sources/all-parts.js";
import { nothingToLearn } from "../../../data/sources/training-classes.js";
import { splitOption } from "../../options/options.js";
import { openingBars } from "../../output/opening-progress.js";
import { print, warn } from "../../output/output.js";

export function define(command: Command): void {
  splitOption(command)
    .argument("<data>", "the data, as for training")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  deit data info photos/ --json")
    .action(run);
}

async function run(path: string, options: { split: string; json?: boolean }): Promise<void> {
  const rule = await parseSplitRule(options.split);
  const found = await openAllParts(path, { rule, onProgress: openingBars() });
  const [{ name: first, dataset }] = found.parts;
  const parts = found.parts.map(({ name, dataset }) => describe(name, dataset));
  const complaint = first === "train" ? await nothingToLearn(path, dataset) : undefined;
  const balance = classBalance(parts[0].perClass);
  const unequal =
    balance?.isUnequal === true && complaint === undefined
      ? [
          unequalSentence(
            balance,
            dataset.classes[balance.largest],
            balance.most / balance.total,
            `the images of ${first}`,
          ),
        ]
      : [];
  const notes = [...notesOf(found), ...(complaint === undefined ? [] : [complaint]), ...unequal];
  const { name, classes } = dataset;
  if (options.json) {
    print(JSON.stringify({ name, classes, parts, notes }));
    return;
  }
  print(`${name}: ${classes.length} ${classes.length === 1 ? "class" : "classes"}`);
  for (const { split, images, perClass } of parts) print(`${split}: ${images} images, ${range(perClass)} per class`);
  for (const note of notes) warn(note);
}

function describe(split: string, dataset: Dataset): { split: string; images: number; perClass: number[] } {
  return { split, images: dataset.length, perClass: countsOf(dataset) };
}

function range(counts: readonly number[]): string {
  // One by one: classes may be more than a call takes arguments.
  const least = counts.reduce((a, b) => Math.min(a, b), Infinity);
  const most = counts.reduce((a, b) => Math.max(a, b), 0);
  return least === most ? String(least) : `${least} to ${most}`;
}
