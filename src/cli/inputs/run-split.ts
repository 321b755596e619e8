/**
 * How data is divided for evaluating a model: by the user's choice, or as in the run that produced its weights from the
 * data.
 */
import { realpath, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { keysOf, type RecordedSplit, type SplitRule } from "../../data/dataset/dataset.js";
import { parseSplitRule, readSplit } from "../../data/dataset/split.js";
import { type KnownImages, knownImages, type TrainedOn } from "../../data/dataset/trained-on.js";
import { parseDataPath } from "../../data/sources/data-path.js";
import { openDataset, openForMeasuring } from "../../data/sources/open.js";
import { DeitError, FileError } from "../../errors/errors.js";
import { shellWord } from "../../system/text/shell-word.js";
import { splitFile } from "../../training/feed/training-data.js";
import { describeRun } from "../../training/run-folder/manifest.js";
import { openingBars } from "../output/opening-progress.js";

export interface MeasuringRule {
  readonly rule: SplitRule;
  /** Sentences on the evaluation data, and whether it may include training images. */
  readonly notes: readonly string[];
}

/** Weights to be evaluated. */
export interface MeasuredWeights {
  /** As given by the user: a file, a run folder, or others. */
  readonly path: string;
  /** The images that they were trained on, as stated in them. */
  readonly trainedOn?: TrainedOn;
  /** Whether they were saved by deit. */
  readonly ownCheckpoint: boolean;
}

/** The run that weights come from, according to its folder or the weights themselves. */
interface Run {
  /** Its name in sentences, after "the run". */
  readonly name: string;
  /** Where its data was. */
  readonly data?: string;
  readonly known: readonly KnownImages[];
  /** What the run held out; undefined if its parts were given. */
  readonly split?: RecordedSplit;
}

/** `moved`: the images have the names of held-out ones below other folders, as in a list of paths. */
type Sameness = "path" | "images" | "names" | "moved";

/** The rule for `data` and models with these weights. */
export async function measuringRule(
  data: string,
  split: string,
  weights: readonly MeasuredWeights[],
): Promise<MeasuringRule> {
  const asked = await parseSplitRule(split);
  const runs: { readonly run: Run; readonly same: Sameness }[] = [];
  const unknown: string[] = [];
  for (const each of weights) {
    const run = await runOf(each);
    if (!run && each.ownCheckpoint)
      unknown.push(
        `"${each.path}" does not say which images it was trained on, as weights of an earlier version do not without their run folder; images of "${data}" may be among them.`,
      );
    const same = run && (await sameData(run, data));
    if (run && same) runs.push({ run, same });
  }
  const found = await ruleOf(data, asked, runs);
  return { rule: found.rule, notes: [...found.notes, ...unknown] };
}

async function ruleOf(
  data: string,
  asked: SplitRule,
  same: readonly { readonly run: Run; readonly same: Sameness }[],
): Promise<MeasuringRule> {
  const runs = same.map(({ run }) => run);
  if (asked.kind !== "given") return { rule: asked, notes: await seenInTraining(data, asked, runs) };
  const own = same.find(({ run, same }) => run.split !== undefined && (same === "path" || same === "images"))?.run;
  if (own?.split) return withSplit(data, own.name, own.split, runs);
  const rule: SplitRule = { kind: "given" };
  const like = same.find(({ same }) => same === "names")?.run;
  if (like?.split)
    return {
      rule,
      notes: [
        `"${data}" has images of the names of those that the run ${like.name} was trained or measured on; training images may be among them. --split ${shellWord(like.split.path)} measures on what the run held out.`,
      ],
    };
  const moved = same.find(({ same }) => same === "moved")?.run;
  if (moved)
    return {
      rule,
      notes: [
        `"${data}" has images that are called, below other folders, as those that the run ${moved.name} was trained or measured on; training images may be among them. Give the data as the run was given it${moved.data === undefined ? "" : `, ${shellWord(moved.data)},`} to measure on what the run held out.`,
      ],
    };
  if (runs.length === 0 || (await openForMeasuring(data, { onProgress: openingBars() })).part !== "whole")
    return { rule, notes: [] };
  return {
    rule,
    notes: [
      `The run ${runs[0].name} was trained on the images of "${data}" and held none out, so this is not accuracy on new images. Train with --split 0.2 to hold some out, or give other data.`,
    ],
  };
}

/**
 * A sentence on each run that did not hold out all of the samples that a rule uses for testing from its training data.
 */
async function seenInTraining(data: string, rule: SplitRule, runs: readonly Run[]): Promise<string[]> {
  const divided = runs.flatMap(({ name, split }) => (split ? [{ name, split }] : []));
  if (divided.length === 0) return [];
  const keys = keysOf(await openDataset(data, { split: "test", rule, onProgress: openingBars() }));
  return divided.flatMap(({ name, split }) => {
    const seen = keys.filter((key) => !split.test.has(key)).length;
    if (seen === 0) return [];
    return `${seen} of the ${keys.length} images that --split takes for testing were not held out by the run ${name}, which may have been trained on them. --split ${shellWord(split.path)} measures on what the run held out.`;
  });
}

async function withSplit(
  data: string,
  name: string,
  split: RecordedSplit,
  runs: readonly Run[],
): Promise<MeasuringRule> {
  const notes = [
    `"${data}" is what the run ${name} was trained on; only the images it held out are used (${split.path}).`,
  ];
  const keys = keysOf(await openDataset(data, { split: "test", rule: split, onProgress: openingBars() }));
  const other = runs.find(
    (run) => run.split?.test.size !== split.test.size || !keys.every((key) => run.split?.test.has(key)),
  );
  if (other)
    notes.push(`The run ${other.name} split this data differently, so it was trained on some of these images.`);
  return { rule: split, notes };
}

/**
 * The run that weights belong to: that of their folder, unless they state a different one. Weights copied out of their
 * run's folder describe the run themselves.
 */
async function runOf({ path, trainedOn }: MeasuredWeights): Promise<Run | undefined> {
  const copied: Run | undefined = trainedOn && {
    name: `that made "${path}"`,
    known: trainedOn.known,
    split: trainedOn.split,
  };
  const info = await stat(path).catch(() => undefined);
  if (!info) return copied;
  const folder = info.isDirectory() ? path : dirname(path);
  const found = await describeRun(folder).catch((error) => {
    // Self-contained weights do not depend on the files next to them.
    if (trainedOn && !info.isDirectory()) return undefined;
    throw error;
  });
  const { manifest } = found ?? {};
  if (!manifest || trainedOn?.known.every(({ dataset }) => dataset !== manifest.dataset)) return copied;
  const file = join(folder, splitFile);
  return {
    name: `"${folder}"`,
    data: manifest.data,
    known: [manifest, ...(manifest.found ? [manifest.found] : [])],
    split: (await stat(file).catch(() => undefined)) ? await readSplit(file) : undefined,
  };
}

/** Whether the data is the run's, by location or by its images; `names` if only some of them match. */
async function sameData(run: Run, data: string): Promise<Sameness | undefined> {
  if (run.data !== undefined) {
    const [here, there] = await Promise.all([data, run.data].map(placeOf));
    if (here === there) return "path";
  }
  try {
    const training = await openDataset(data, { split: "train", rule: run.split, onProgress: openingBars() });
    if (run.known.some(({ images }) => images === training.length)) {
      const [{ dataset }] = knownImages(training);
      if (run.known.some((one) => one.dataset === dataset)) return "images";
    }
    return run.split && "names";
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    // Different data, without a training part or the held-out images; or these under longer or shorter paths.
    return run.split && (await holdsMoved(run.split, data)) ? "moved" : undefined;
  }
}

/** Images whose paths are compared: enough to meet some of a share that was held out. */
const compared = 5000;

/** Whether the end of an image's path is the name of an image that the run held out. */
async function holdsMoved({ test }: RecordedSplit, data: string): Promise<boolean> {
  try {
    const { dataset } = await openForMeasuring(data, { onProgress: openingBars() });
    const place = await placeOf(data);
    const folder = (await stat(place)).isDirectory() ? place : dirname(place);
    const step = Math.max(1, Math.floor(dataset.length / compared));
    for (let i = 0; i < dataset.length; i += step) {
      const names = resolve(folder, dataset.key(i)).split(sep);
      for (let from = names.length - 1; from > 0; from--) if (test.has(names.slice(from).join("/"))) return true;
    }
  } catch (error) {
    // Whatever is wrong with the data is reported where it is opened for the evaluation.
    if (!(error instanceof DeitError) && !isAbsent(error)) throw error;
  }
  return false;
}

const isAbsent = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";

async function placeOf(data: string): Promise<string> {
  const { path } = parseDataPath(data);
  return (await realpath(path).catch(() => undefined)) ?? data;
}
