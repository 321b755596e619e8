/** Weights in several files: the index that maps tensors to files, and the files themselves. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FileError } from "../errors/errors.js";
import { fileError } from "../errors/file-error.js";
import { quoted } from "../errors/quoted.js";
import { readJson } from "../system/files/json-file.js";
import { asObject, JsonError } from "../system/text/json.js";

type Files = readonly [string, ...string[]];

const largestIndex = 32 * 2 ** 20;
/** Maximum files of one set of weights; the largest have about a hundred. */
const mostShards = 10_000;

/** Names of the files in an index (`model.safetensors.index.json`), each once, in order. */
export async function shardNames(path: string): Promise<Files> {
  const [first, ...rest] = [...new Set(Object.values(await weightMap(path)))].sort();
  if (first === undefined) throw noIndex(path, "names no tensors");
  if (rest.length >= mostShards) throw noIndex(path, `names more than ${mostShards} files`);
  return [first, ...rest];
}

/** The files of an index. Throws FileError if one of them is missing. */
export async function shardsOfIndex(path: string): Promise<Files> {
  const names = await shardNames(path);
  const folder = dirname(path);
  const [first, ...rest] = names;
  const missing: string[] = [];
  for (const name of names) if (!(await stat(join(folder, name)).catch(() => undefined))) missing.push(name);
  if (missing.length > 0)
    throw new FileError(
      path,
      `"${path}" names ${names.length} files, but ${quoted(missing[0])}${missing.length > 1 ? ` and ${missing.length - 1} more` : ""} of them ${missing.length > 1 ? "are" : "is"} not beside it; fetch the missing files.`,
    );
  return [join(folder, first), ...rest.map((name) => join(folder, name))];
}

/** Maps tensor names to their files. Throws FileError if the file is not such an index. */
async function weightMap(path: string): Promise<Readonly<Record<string, string>>> {
  try {
    const index = asObject(await readJson(path, largestIndex));
    const entries = Object.entries(asObject(index?.weight_map) ?? {});
    if (entries.length === 0) throw noIndex(path, "has no weight_map");
    const wrong = entries.find((entry) => !isInFolder(entry));
    if (wrong) throw noIndex(path, `says that ${quoted(wrong[0])} lies in no file of its folder`);
    return Object.fromEntries(entries.filter(isInFolder));
  } catch (error) {
    if (error instanceof JsonError) throw noIndex(path, error.message);
    throw fileError(path, "read the index in", error);
  }
}

/** Whether a tensor's file is a plain name, which cannot lead outside the folder. */
const isInFolder = (entry: [string, unknown]): entry is [string, string] => {
  const [, name] = entry;
  return typeof name === "string" && /^[^\\/:\0]+$/.test(name) && name !== "." && name !== "..";
};

const noIndex = (path: string, what: string): FileError =>
  new FileError(
    path,
    `"${path}" ${what}, so it is not an index of weights; fetch it again, or name a file of weights.`,
  );

/**
 * All shards of the set that a file belongs to by its name (`model-00001-of-00002.safetensors`); undefined for others.
 */
export async function siblingShards(path: string): Promise<Files | undefined> {
  const [, stem, , of, ending] = /^(.+)-(\d{5})-of-(\d{5})(\.\w+)$/.exec(basename(path)) ?? [];
  if (stem === undefined) return undefined;
  const folder = dirname(path);
  const there = new Set(await readdir(folder));
  const names = Array.from(
    { length: Number(of) },
    (_, i) => `${stem}-${String(i + 1).padStart(5, "0")}-of-${of}${ending}`,
  );
  const missing = names.filter((name) => !there.has(name));
  if (missing.length > 0)
    throw new FileError(
      path,
      `"${path}" is one of ${names.length} files of one set of weights, of which ${quoted(missing[0])}${missing.length > 1 ? ` and ${missing.length - 1} more are` : " is"} not beside it; fetch the missing files.`,
    );
  const [first, ...rest] = names.map((name) => join(folder, name));
  return first === undefined ? undefined : [first, ...rest];
}
