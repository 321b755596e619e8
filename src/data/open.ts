/** Finds out what a path holds and opens it as a data set. */
import { join } from "node:path";
import { FileError, UsageError } from "../errors.js";
import { isUrl } from "./archive/shards.js";
import type { Dataset, OpenOptions } from "./dataset.js";
import { formats } from "./formats.js";
import { isPartName, noPart, partNames } from "./parts.js";
import { lookAt, type Place } from "./place.js";
import { proceduralDataset } from "./sources/procedural.js";
import { partOf } from "./split.js";

/**
 * Opens a data set: a path whose format is recognised by looking, the same with the format's name before it
 * (`wds:shards/`), addresses of shards on the web, or `procedural[:SIZE[:COUNT]]`, the built-in one. A folder with `train/` and `test/` (or `val/`)
 * parts is entered; with another `rule` parts are made. Throws FileError when there is nothing that is understood.
 */
export async function openDataset(path: string, options: OpenOptions): Promise<Dataset> {
  const { rule = { kind: "given" }, ...others } = options;
  if (rule.kind === "given") return openGiven(path, others);
  return partOf(await openGiven(path, { ...others, split: "train" }), rule, options.split);
}

/** One of the data's own parts. */
async function openGiven(path: string, options: OpenOptions): Promise<Dataset> {
  if (isProcedural(path)) return openProcedural(path, options);
  const prefix = prefixOf(path);
  if (prefix !== undefined) return formats[prefix].open(path.slice(prefix.length + 1), options);
  if (isUrl(path) || (/[{}]/.test(path) && formats.wds.recognises(asFile(path))))
    return formats.wds.open(path, options);
  const place = await lookAt(path);
  const format = Object.entries(formats).find(([, f]) => f.recognises(place));
  if (!format) throw notUnderstood(path);
  const [name, { open }] = format;
  const part = name === "folders" ? innerFolder(place, options) : undefined;
  return part === undefined ? open(path, options) : openGiven(join(path, part), options);
}

/** Whether a path that is no folder's names a data set rather than an image; told by the path alone. */
export const namesData = (path: string): boolean =>
  isProcedural(path) ||
  prefixOf(path) !== undefined ||
  Object.values(formats).some(({ recognises }) => recognises(asFile(path)));

const isProcedural = (path: string): boolean => path === "procedural" || path.startsWith("procedural:");

/** The name of a format before a path, if there is one. */
function prefixOf(path: string): string | undefined {
  const prefix = /^([a-z]+):/.exec(path)?.[1] ?? "";
  return Object.hasOwn(formats, prefix) ? prefix : undefined;
}

const asFile = (path: string): Place => ({ path, kind: "file", files: [], folders: [] });

/** The folder of the part that is asked for, where there is one, or a lone `data`; it may hold any format. */
function innerFolder({ path, folders }: Place, { split }: OpenOptions): string | undefined {
  if (folders.length === 1 && folders[0] === "data") return "data";
  const part = partNames[split].find((name) => folders.includes(name));
  if (part === undefined && folders.every(isPartName)) throw noPart(path, folders, split);
  return part;
}

function notUnderstood(path: string): FileError {
  const known = Object.entries(formats).map(([name, { about }]) => `${name}: ${about}`);
  return new FileError(
    path,
    `"${path}" is no data set that is understood; it may be procedural, or ${known.join("; ")}. Put the name before the path to choose, as wds:${path}.`,
  );
}

function openProcedural(spec: string, { split }: OpenOptions): Dataset {
  const [, size = "32", count = split === "train" ? "8192" : "1024"] = spec.split(":");
  const [s, n] = [Number(size), Number(count)];
  if (![s, n].every((v) => Number.isInteger(v) && v > 0)) {
    throw new UsageError(
      `"${spec}" is no procedural data set; write procedural, procedural:SIZE or procedural:SIZE:COUNT.`,
    );
  }
  return proceduralDataset({ size: s, count: n, split });
}
