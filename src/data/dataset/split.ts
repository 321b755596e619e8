/**
 * Parts for data without any: a share of each class is held out for testing, chosen by a hash of the samples' names, so
 * that it is the same on every machine and hardly changes when samples are added. The selection is saved in a file.
 */
import { z } from "zod";
import { FileError, NoSuchPartError, UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { sentence, setting } from "../../errors/sentence.js";
import { openSafetensors } from "../../formats/safetensors/safetensors.js";
import { writeFileAtomic } from "../../system/files/atomic-file.js";
import { readJson } from "../../system/files/json-file.js";
import { JsonError } from "../../system/text/json.js";
import { type Dataset, keysOf, type OpenOptions, type RecordedSplit, type SplitRule, subset } from "./dataset.js";
import { keyHash } from "./sample-set.js";
import { readTrainedOn } from "./trained-on.js";
import { trainedOnKey } from "./trained-on-key.js";

const schema = z.object({
  format: z.literal(1),
  share: z.number().gt(0).lt(1),
  samples: z.number().int().min(1),
  test: z.array(z.string()),
});

/**
 * Parses an option's rule: `given`, a share such as `0.1`, or the path of a recorded split or of weights that contain
 * one.
 */
export async function parseSplitRule(text: string): Promise<SplitRule> {
  if (text === "given") return { kind: "given" };
  const share = Number(text);
  if (share > 0 && share < 1) return { kind: "hash", share };
  if (text.endsWith(".safetensors")) return splitOfWeights(text);
  if (!text.endsWith(".json")) {
    throw new UsageError(
      sentence`${setting("split")} is "${text}"; it must be given, a share for testing between 0 and 1 such as 0.1, or the split.json or the weights of a run.`,
    );
  }
  return readSplit(text);
}

/** The split that weights were trained with, as stored in them. */
async function splitOfWeights(path: string): Promise<RecordedSplit> {
  const { metadata, close } = await openSafetensors(path);
  await close();
  const split = readTrainedOn(metadata[trainedOnKey], path)?.split;
  if (split) return split;
  throw new FileError(path, `"${path}" does not say that its run set images aside, so it gives no split.`);
}

/** Limit in bytes: a split of some million samples. */
const largest = 400 * 2 ** 20;

/** The rule recorded in a file. */
export async function readSplit(path: string): Promise<RecordedSplit> {
  const value = await readJson(path, largest, { items: 20_000_000 }).catch((error) => {
    if (error instanceof JsonError) throw new FileError(path, `"${path}" ${error.message}, so it records no split.`);
    throw fileError(path, "read the split", error);
  });
  const { success, data, error } = schema.safeParse(value);
  if (success) return { kind: "recorded", path, share: data.share, test: new Set(data.test) };
  throw new FileError(path, `"${path}" records no split; it needs format 1, share, samples and test.`, {
    cause: error,
  });
}

/** The samples of one part. Throws NoSuchPartError if nothing can be held out, since each class has one image. */
export function partOf(whole: Dataset, rule: SplitRule, part: OpenOptions["split"]): Dataset {
  if (rule.kind === "given") return whole;
  const isTest = rule.kind === "hash" ? chosenByHash(whole, rule.share) : recorded(whole, rule);
  const wanted = part === "train" ? 0 : 1;
  const members = Uint32Array.from({ length: whole.length }, (_, i) => i).filter((i) => isTest[i] === wanted);
  if (part !== "train" && members.length === 0)
    throw new NoSuchPartError(
      whole.name,
      `No class of "${whole.name}" has two images, so none can be held out to measure on; add images.`,
      ["train"],
    );
  return subset(whole, members);
}

/** Records the samples of `test`, which a rule has held out of `samples` in total. */
export async function writeSplit(path: string, share: number, samples: number, test: Dataset): Promise<void> {
  const content: z.infer<typeof schema> = { format: 1, share, samples, test: keysOf(test) };
  await writeFileAtomic(path, `${JSON.stringify(content, null, 1)}\n`);
}

/**
 * 1 for the samples of each class whose names have the smallest hashes; at least one of each class is on either side.
 */
function chosenByHash(whole: Dataset, share: number): Uint8Array {
  const hashes = new Float64Array(whole.length);
  const ofClass = whole.classes.map((): number[] => []);
  for (let i = 0; i < whole.length; i++) {
    hashes[i] = keyHash(whole.key(i));
    ofClass[whole.label(i)].push(i);
  }
  const chosen = new Uint8Array(whole.length);
  for (const members of ofClass) {
    const count = Math.min(members.length - 1, Math.max(1, Math.round(share * members.length)));
    members.sort((a, b) => hashes[a] - hashes[b] || a - b);
    // A sample that is listed more than once is on one side only; so is a whole class with only one distinct sample.
    const parts = (i: number) => hashes[members[i - 1]] !== hashes[members[i]];
    const ends = Array.from({ length: members.length - 1 }, (_, i) => i + 1).filter(parts);
    const end = ends.findLast((i) => i <= count) ?? ends[0] ?? 0;
    for (let i = 0; i < end; i++) chosen[members[i]] = 1;
  }
  return chosen;
}

function recorded(whole: Dataset, { path, test }: RecordedSplit): Uint8Array {
  const chosen = Uint8Array.from({ length: whole.length }, (_, i) => (test.has(whole.key(i)) ? 1 : 0));
  if (!chosen.includes(1)) {
    throw new FileError(
      path,
      `The split in "${path}" belongs to other data: none of its ${test.size} samples is in "${whole.name}".`,
    );
  }
  return chosen;
}
