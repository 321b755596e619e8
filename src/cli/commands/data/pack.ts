/** `deit data pack`: a record file of a dataset. */
import { availableParallelism } from "node:os";
import { type Command, Option } from "commander";
import type { PartName } from "../../../data/dataset/dataset.js";
import { parseSplitRule } from "../../../data/dataset/split.js";
import { type Packed, type PackedPart, packRecords } from "../../../data/packing/pack.js";
import { notesOf, openAllParts } from "../../../data/sources/all-parts.js";
import { partIfThere } from "../../../data/sources/open.js";
import { isRecordsName, undivided } from "../../../data/sources/records.js";
import { UsageError } from "../../../errors/errors.js";
import { splitOption, wholeNumber } from "../../options/options.js";
import { exifOption } from "../../options/view.js";
import { requireWritable } from "../../output/file.js";
import { type Ending, interruptible } from "../../output/interruption.js";
import { openingBars } from "../../output/opening-progress.js";
import { print, warn } from "../../output/output.js";
import { createProgress } from "../../output/progress.js";

interface Options {
  readonly size: number;
  readonly quality?: number;
  readonly raw?: boolean;
  readonly exif: "ignore" | "apply";
  readonly split: string;
  readonly onBadImage: "stop" | "skip";
  readonly workers: number;
  readonly json?: boolean;
}

const usualQuality = 90;

export function define(command: Command): void {
  splitOption(command)
    .argument("<data>", "the data, as for training; all its parts are packed")
    .argument("<file>", "the file to write; its name ends in .records")
    .option(
      "--size <pixels>",
      "shorter side of the stored images; smaller ones are kept as they are",
      wholeNumber(1),
      256,
    )
    .option("--quality <1-100>", `of JPEG (default: ${usualQuality})`, wholeNumber(1, 100))
    .option("--raw", "store pixels instead of JPEG: several times as large, but nothing to decode")
    .addOption(new Option("--on-bad-image <what>", "stop, or skip the image").choices(["stop", "skip"]).default("stop"))
    .addOption(exifOption("apply the EXIF orientation of images, or ignore it").default("ignore"))
    .option("--workers <threads>", "threads that resize images", wholeNumber(1), availableParallelism())
    .option("--json", "print one JSON value")
    .addHelpText(
      "after",
      `
Training, evaluation and every other command accept the file as their data. If packing is interrupted, run the same command
again to continue where it stopped.

Example:
  deit data pack imagenet/ imagenet.records --raw
  deit train imagenet.records`,
    )
    .action((data: string, file: string, options: Options) =>
      interruptible((signal, ending) => run(data, file, options, signal, ending)),
    );
}

async function run(data: string, file: string, options: Options, signal: AbortSignal, ending: Ending): Promise<void> {
  const { size, raw = false, quality = usualQuality, workers, onBadImage, json = false } = options;
  if (!isRecordsName(file))
    throw new UsageError(`"${file}" must end in .records, by which the other commands know it.`);
  if (raw && options.quality !== undefined)
    throw new UsageError("--quality is that of JPEG, which --raw does without; leave one out.");
  await requireWritable("The record file", file);
  ending.outlivesOutput();
  const parts = await partsOf(data, options.split, signal);
  ending.saves("the images at hand");
  const total = parts.reduce((sum, { dataset }) => sum + dataset.length, 0);
  const progress = createProgress({ title: "pack", total, unit: "images", quiet: json });
  let skipped = 0;
  let packed: Packed;
  try {
    packed = await packRecords(parts, file, {
      ...(raw ? { encoding: "raw" } : { encoding: "jpeg", quality }),
      ...{ size, exif: options.exif, workers, onBadImage, signal },
      onProgress: (done) => progress.update(done),
      onSkipped: (message) => {
        skipped++;
        warn(message);
      },
    });
  } finally {
    progress.stop();
  }
  const { samples, bytes, found } = packed;
  if (json) {
    print(JSON.stringify({ file, samples, skipped, bytes, found, parts: parts.map(({ name }) => name) }));
    return;
  }
  const before = found > 0 ? `, ${found} of them there before` : "";
  print(`${file}: ${samples} images${before}, ${(bytes / 2 ** 20).toFixed(1)} MiB`);
}

/** All parts, or the whole data as one if it is undivided. */
async function partsOf(data: string, split: string, signal: AbortSignal): Promise<PackedPart[]> {
  const rule = await parseSplitRule(split);
  const found = await openAllParts(data, { rule, signal, onProgress: openingBars() });
  for (const note of notesOf(found)) warn(note);
  const { parts } = found;
  const [first] = parts;
  if (parts.length > 1 || (await hasPart(data, first.name))) return [...parts];
  return [{ name: undivided, dataset: first.dataset }];
}

/** Whether the data has this part by name. */
async function hasPart(data: string, name: PartName): Promise<boolean> {
  return name !== "train" || (await partIfThere(data, { split: "test", onProgress: openingBars() })).kind !== "whole";
}
