/**
 * Finds the files of a set of weights: one file, its shards, a folder as common programs write it, or a repository on
 * the hub. Accompanying files (`config.json`, `preprocessor_config.json`) are in their folder.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FileError } from "../errors/errors.js";
import { fileError } from "../errors/file-error.js";
import { quoted } from "../errors/quoted.js";
import { sentence, setting } from "../errors/sentence.js";
import { readText } from "../system/files/regular-file.js";
import { shellWord } from "../system/text/shell-word.js";
import { foreignFolder } from "./foreign-folder.js";
import { hubRepository, isHubName } from "./hub-names.js";
import { mergeAdapter } from "./relatives.js";
import { shardNames, shardsOfIndex, siblingShards } from "./shards.js";

/** The files of one set of weights. */
export interface WeightFiles {
  /** The file, or the index of the shards, for messages. */
  readonly path: string;
  /** One file, or all shards of one set of weights. */
  readonly files: readonly [string, ...string[]];
  /** Folder of the files that describe the weights. */
  readonly folder: string;
  /** Which weights of a file with several, such as "model_ema". */
  readonly key?: string;
}

export interface WeightsSource {
  /**
   * A safetensors or PyTorch file, an index of shards or one of them; a folder with weights; `hub` for the published
   * weights of the model, or `hub:owner/name`. `#KEY` after a path selects among the weights of a checkpoint.
   */
  readonly weights: string;
  /** Name of the model, required for plain `hub`. */
  readonly model?: string;
  /** Bytes of a download so far and in total. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** The files that `weights` refers to, fetched if they are on the hub. Throws FileError if that is unclear. */
export async function locateWeights({ weights, model, onProgress }: WeightsSource): Promise<WeightFiles> {
  const { path, key } = await splitKey(weights);
  const found = isHubName(path) ? await downloaded(hubRepository(path, model), onProgress) : await located(path);
  return key === undefined ? found : { ...found, key };
}

async function downloaded(repository: string, onProgress: WeightsSource["onProgress"]): Promise<WeightFiles> {
  const { hubFile, hubWeights } = await import("../hub/hub.js");
  const path = await hubWeights(repository, { onProgress });
  const folder = dirname(path);
  if (!path.endsWith(".index.json")) return { path, folder, files: [path] };
  // A snapshot is named by its commit.
  for (const name of await shardNames(path))
    await hubFile(repository, name, { revision: basename(folder), onProgress });
  return ofFile(path);
}

/** A path, and the key after its last "#", unless a file has that whole name. */
async function splitKey(given: string): Promise<{ readonly path: string; readonly key?: string }> {
  const at = given.lastIndexOf("#");
  if (at <= 0 || (await exists(given))) return { path: given };
  return { path: given.slice(0, at), key: given.slice(at + 1) };
}

async function located(path: string): Promise<WeightFiles> {
  const info = await stat(path).catch((error) => {
    throw fileError(path, "read the weights in", error);
  });
  return info.isDirectory() ? inFolder(path) : ofFile(path);
}

async function ofFile(path: string): Promise<WeightFiles> {
  const folder = dirname(path);
  if (path.endsWith(".index.json")) return { path, folder, files: await shardsOfIndex(path) };
  return { path, folder, files: (await siblingShards(path)) ?? [path] };
}

/** Names under which programs save weights, in order of preference; the first is deit's own. */
const usual = [
  ...["best.safetensors", "model.safetensors", "model.safetensors.index.json"],
  ...["pytorch_model.bin", "pytorch_model.bin.index.json"],
];

async function inFolder(folder: string): Promise<WeightFiles> {
  const names = await readdir(folder).catch((error) => {
    throw fileError(folder, "read the weights in", error);
  });
  const found = usual.find((name) => names.includes(name));
  if (found && names.some((name) => adapterFile.test(name)))
    throw new FileError(
      folder,
      `"${folder}" holds weights and an adapter (PEFT, LoRA) to them; name the weights to use them without it ("${join(folder, found)}"), or ${mergeAdapter}.`,
    );
  if (found) return ofFile(join(folder, found));
  const snapshot = await cachedSnapshot(folder, names);
  if (snapshot) return inFolder(snapshot);
  const foreign = foreignFolder(names);
  if (foreign) throw new FileError(folder, `"${folder}" holds ${foreign.is}; ${foreign.way}.`);
  const candidates = firstShards(names.filter(isWeights).sort());
  if (candidates.length === 1) return ofFile(join(folder, candidates[0]));
  if (candidates.length === 0 && ["recipe.json", "run.json"].every((name) => names.includes(name)))
    throw new FileError(
      folder,
      sentence`"${folder}" holds a run without weights, since it ended before its first evaluation; continue it with ${setting("resume", shellWord(folder)).of("train")}, and its weights will be here.`,
    );
  throw new FileError(folder, `"${folder}" ${await insteadOfOne(folder, names, candidates)}`);
}

/** Other files saved by training programs with the same extensions as weights. */
const besides =
  /^(training_args|optimizer|optimizer_\d+|optim|scheduler|sampler|scaler|rng_state|random_states|state|adapter_model|custom_checkpoint|bnb_.*)([._-]?\d+)*\.\w+$/;
const adapterFile = /^adapter_model\.(safetensors|bin)$/;
const isWeights = (name: string): boolean =>
  /\.(safetensors|bin|pth|pt|ckpt|pth\.tar)$/i.test(name) && !besides.test(name);

/** Keeps only the first shard of each set. */
const firstShards = (names: readonly string[]): readonly string[] =>
  names.filter((name) => Number(/-(\d{5})-of-\d{5}\.\w+$/.exec(name)?.[1] ?? 1) === 1);

/** The files of a repository in the hub's cache, if its folder was given instead of a snapshot in it. */
async function cachedSnapshot(folder: string, names: readonly string[]): Promise<string | undefined> {
  if (!names.includes("snapshots")) return undefined;
  const main = await readText(join(folder, "refs", "main"), 256).catch(() => "");
  return /^[0-9a-f]{40}$/.test(main.trim()) ? join(folder, "snapshots", main.trim()) : undefined;
}

/** The end of a sentence about a folder that does not contain exactly one set of weights. */
async function insteadOfOne(folder: string, names: readonly string[], candidates: readonly string[]): Promise<string> {
  const listed = (some: readonly string[]) =>
    some.slice(0, 4).map(quoted).join(", ") + (some.length > 4 ? ` and ${some.length - 4} more` : "");
  if (candidates.length > 1) return `holds several files of weights (${listed(candidates)}); name one of them.`;
  if (names.some((name) => adapterFile.test(name)))
    return `holds an adapter (PEFT, LoRA) without the weights it belongs to; ${mergeAdapter}.`;
  const onnx = (await readdir(join(folder, "onnx")).catch(() => [])).map((name) => join("onnx", name));
  const [graph] = [...names, ...onnx.sort()].filter((name) => /\.onnx$/i.test(name));
  if (graph !== undefined)
    return `holds ONNX files but no weights; classifier() opens one of them by its name (${quoted(graph)}); for all else, give what they were exported from, or an export of that for timm or transformers.`;
  const below: string[] = [];
  for (const name of names.slice(0, 1000).sort()) {
    const inside = await readdir(join(folder, name)).catch(() => [] as string[]);
    if (inside.some((n) => usual.includes(n) || isWeights(n))) below.push(name);
  }
  if (below.length > 0)
    return `holds no weights itself, but ${listed(below)} in it ${below.length > 1 ? "do" : "does"}; name one.`;
  return `holds no weights: neither ${basename(usual[0])} of a deit run nor model.safetensors, pytorch_model.bin, or one .pth, .pt or .ckpt file; name the file.`;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
