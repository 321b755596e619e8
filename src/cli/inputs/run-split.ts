/** How data is divided for measuring a model: as the user says, or as the run did whose weights and data these are. */
import { realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { SplitRule } from "../../data/dataset/dataset.js";
import { datasetIdentity } from "../../data/dataset/identity.js";
import { parseSplitRule, readSplit } from "../../data/dataset/split.js";
import { parseDataPath } from "../../data/sources/data-path.js";
import { openDataset, openForMeasuring } from "../../data/sources/open.js";
import { FileError } from "../../errors/errors.js";
import { shellWord } from "../../system/text/shell-word.js";
import { splitFile } from "../../training/feed/training-data.js";
import { describeRun, type RunManifest } from "../../training/run-folder/manifest.js";

export interface MeasuringRule {
  readonly rule: SplitRule;
  /** Sentences on what is measured on, and whether training images may be among it. */
  readonly notes: readonly string[];
}

interface Run {
  readonly folder: string;
  readonly manifest: RunManifest;
  /** What the run set aside; undefined where it was given its parts. */
  readonly split?: SplitRule & { readonly kind: "recorded" };
}

/** The rule for `data` and models with these weights: run folders, files in them, or others. */
export async function measuringRule(data: string, split: string, weights: readonly string[]): Promise<MeasuringRule> {
  const asked = await parseSplitRule(split);
  const runs: { readonly run: Run; readonly same: "path" | "images" | "names" }[] = [];
  for (const each of weights) {
    const run = await runOf(each);
    const same = run && (await sameData(run, data));
    if (run && same) runs.push({ run, same });
  }
  if (asked.kind !== "given")
    return {
      rule: asked,
      notes: await seenInTraining(
        data,
        asked,
        runs.map(({ run }) => run),
      ),
    };
  const own = runs.find(({ run, same }) => run.split !== undefined && same !== "names");
  if (own)
    return withSplit(
      data,
      own.run,
      runs.map(({ run }) => run),
    );
  const rule: SplitRule = { kind: "given" };
  const like = runs.find(({ same }) => same === "names");
  if (like)
    return {
      rule,
      notes: [
        `"${data}" has images of the names of those that the run "${like.run.folder}" was trained or measured on; training images may be among them. --split ${join(like.run.folder, splitFile)} measures on what the run set aside.`,
      ],
    };
  if (runs.length === 0 || (await openForMeasuring(data, {})).part !== "whole") return { rule, notes: [] };
  return {
    rule,
    notes: [
      `The run "${runs[0].run.folder}" was trained on the images of "${data}" and set none aside, so that this is no accuracy on new images. Train with --split 0.2 to have some, or give other data.`,
    ],
  };
}

/** A sentence on each run that did not set aside all that a rule takes for testing of the data it was trained on. */
async function seenInTraining(data: string, rule: SplitRule, runs: readonly Run[]): Promise<string[]> {
  const divided = runs.flatMap(({ folder, split }) => (split ? [{ folder, aside: split.test }] : []));
  if (divided.length === 0) return [];
  const test = await openDataset(data, { split: "test", rule });
  const keys = Array.from({ length: test.length }, (_, i) => test.key(i));
  return divided.flatMap(({ folder, aside }) => {
    const seen = keys.filter((key) => !aside.has(key)).length;
    if (seen === 0) return [];
    return `${seen} of the ${keys.length} images that --split takes for testing were not set aside by the run "${folder}", which may have been trained on them. --split ${shellWord(join(folder, splitFile))} measures on what the run set aside.`;
  });
}

function withSplit(data: string, { folder, split }: Run, runs: readonly Run[]): MeasuringRule {
  const test = split!.test;
  const notes = [
    `"${data}" is what the run "${folder}" was trained on; only the images that it set aside are used (${join(folder, splitFile)}).`,
  ];
  const other = runs.find(
    (run) => !run.split || run.split.test.size !== test.size || ![...test].every((key) => run.split!.test.has(key)),
  );
  if (other)
    notes.push(
      `The run "${other.folder}" divided these data otherwise, so that it was trained on some of these images.`,
    );
  return { rule: split!, notes };
}

/** The run that weights belong to: its folder, or a file in it. */
async function runOf(weights: string): Promise<Run | undefined> {
  const info = await stat(weights).catch(() => undefined);
  if (!info) return undefined;
  const folder = info.isDirectory() ? weights : dirname(weights);
  const found = await describeRun(folder);
  if (!found) return undefined;
  const path = join(folder, splitFile);
  const split = (await stat(path).catch(() => undefined)) ? await readSplit(path) : undefined;
  return { folder, manifest: found.manifest, split: split?.kind === "recorded" ? split : undefined };
}

/** Whether the data is the run's, by where it lies or by its images; `names` where only some of them are. */
async function sameData({ manifest, split }: Run, data: string): Promise<"path" | "images" | "names" | undefined> {
  const [here, there] = await Promise.all([data, manifest.data].map(placeOf));
  if (here === there) return "path";
  try {
    const training = await openDataset(data, { split: "train", rule: split });
    if (training.length === manifest.images && datasetIdentity(training) === manifest.dataset) return "images";
    return split === undefined ? undefined : "names";
  } catch (error) {
    // Other data: without a part for training, or without the images that were set aside.
    if (error instanceof FileError) return undefined;
    throw error;
  }
}

async function placeOf(data: string): Promise<string> {
  const { path } = parseDataPath(data);
  return (await realpath(path).catch(() => undefined)) ?? data;
}
