/** Detects what a path contains and opens it as a dataset. */
import { basename, join, relative } from "node:path";
import { FileError, NoSuchPartError, UnlabelledPartError, UsageError } from "../../errors/errors.js";
import type { FileFormat } from "../codec/file-format.js";
import { type Dataset, type OpenOptions, type PartName, withNotes } from "../dataset/dataset.js";
import { isImageName } from "../dataset/files.js";
import { formatOfFile } from "../dataset/left-out.js";
import { listed, noPart } from "../dataset/parts.js";
import { hasFile, lookAt, type Place } from "../dataset/place.js";
import { partOf } from "../dataset/split.js";
import { type VarietyName, varieties } from "../pixels/procedural-image.js";
import { parseDataPath } from "./data-path.js";
import { formatOf, formats } from "./formats.js";
import { openImageFolder } from "./image-folder.js";
import { ownList } from "./list/list.js";
import { isParquetName } from "./parquet/parquet.js";
import { findData, folderLayout, wrappedIn } from "./part-folders.js";
import { proceduralDataset } from "./procedural.js";
import { isUrl } from "./shards/shards.js";

/**
 * Opens a dataset: a path whose format is detected, the same with the format's name before it (`wds:shards/`,
 * `list,label=species:photos.csv`), URLs of shards, or `procedural[:SIZE[:COUNT[:VARIETY]]]`, the built-in one. `test` is the
 * evaluation data: see `openForMeasuring`. With a `rule` other than the data's own parts, the training data is divided
 * by it. Throws FileError if the format is not recognised, NoSuchPartError if the data has only other parts, and
 * UnlabelledPartError for a part without labels.
 *
 * @example
 * ```ts
 * import { openDataset } from "deit";
 *
 * const dataset = await openDataset("photos/", { split: "train", rule: { kind: "hash", share: 0.25 } });
 * console.log(dataset.length, "images of", dataset.classes.join(" and "));
 * ```
 */
export async function openDataset(path: string, options: OpenOptions): Promise<Dataset> {
  const { rule = { kind: "given" }, ...others } = options;
  if (rule.kind !== "given") return partOf(await openPart(path, { ...others, split: "train" }), rule, options.split);
  return options.split === "test" ? (await openForMeasuring(path, others)).dataset : openPart(path, others);
}

/** Data for evaluating a model, and what it is: a part, or data without parts. */
export interface Measured {
  readonly dataset: Dataset;
  readonly part: "test" | "validation" | "whole";
}

/** The test part; if there is none with labels, the validation part; everything if the data has no parts. */
export async function openForMeasuring(path: string, options: Omit<OpenOptions, "split" | "rule">): Promise<Measured> {
  const test = await sureOfClasses(path, options, await partIfThere(path, { ...options, split: "test" }));
  if (test.kind === "there") return { dataset: test.dataset, part: "test" };
  const validation = test.kind === "whole" ? test : await partIfThere(path, { ...options, split: "validation" });
  if (validation.kind === "there") {
    const notes = test.kind === "unlabelled" ? [passedOver("test", test.error, "validation")] : [];
    return { dataset: withNotes(validation.dataset, notes), part: "validation" };
  }
  if (test.kind === "whole") return { dataset: await openPart(path, { ...options, split: "train" }), part: "whole" };
  throw test.kind === "unlabelled" ? test.error : validation.kind === "unlabelled" ? validation.error : test.error;
}

/**
 * The part, unless its only "class" is the word that all names begin with, and is not a class of the validation part.
 */
async function sureOfClasses(
  path: string,
  options: Omit<OpenOptions, "split" | "rule">,
  test: FoundPart,
): Promise<FoundPart> {
  if (test.kind !== "there" || options.classes !== undefined || test.dataset.classes.length > 1) return test;
  const validation = await partIfThere(path, { ...options, split: "validation" });
  if (validation.kind !== "there") return test;
  return partIfThere(path, { ...options, split: "test", classes: validation.dataset.classes });
}

/** A sentence about an unlabelled part that is replaced by a different one. */
export const passedOver = (part: PartName, { message }: UnlabelledPartError, instead: PartName): string =>
  `The part for ${part} has no labels and is ignored: ${message} The part for ${instead} is measured instead.`;

/** The outcome of looking for a part; any other problem is an error. */
export type FoundPart =
  | { readonly kind: "there"; readonly dataset: Dataset }
  | { readonly kind: "unlabelled"; readonly error: UnlabelledPartError }
  /** There are other parts, but not this one. */
  | { readonly kind: "absent"; readonly error: NoSuchPartError }
  /** The data has no parts. */
  | { readonly kind: "whole"; readonly error: NoSuchPartError };

/** Opens a part, if it exists: one of the data's own, or one that a rule other than `given` divides off. */
export async function partIfThere(path: string, options: OpenOptions): Promise<FoundPart> {
  const { rule = { kind: "given" } } = options;
  return foundPart(() => (rule.kind === "given" ? openPart(path, options) : openDataset(path, options)));
}

/** The part that is opened, if it exists. */
export async function foundPart(open: () => Dataset | Promise<Dataset>): Promise<FoundPart> {
  try {
    return { kind: "there", dataset: await open() };
  } catch (error) {
    if (error instanceof UnlabelledPartError) return { kind: "unlabelled", error };
    if (error instanceof NoSuchPartError) return { kind: error.parts.length === 0 ? "whole" : "absent", error };
    throw error;
  }
}

/** One of the data's own parts; data without parts is used entirely for training. */
export async function openPart(given: string, options: OpenOptions): Promise<Dataset> {
  if (isProcedural(given)) return openProcedural(given, options);
  const { format, choices, path } = parseDataPath(given);
  const asked = { ...options, choices };
  if (format === "folders") return openFolders(await lookAt(path), asked, true);
  if (format !== undefined) return formats[format].open(path, asked);
  if (isUrl(path) || (/[{}]/.test(path) && formats.wds.recognises(asFile(path))))
    return formats.wds.open(path, options);
  return openPlace(path, options);
}

async function openPlace(path: string, options: OpenOptions, settled = false): Promise<Dataset> {
  const place = await lookAt(path);
  const format = await formatOf(place);
  const inner = format === "folders" && !settled ? await wrappedIn(place) : undefined;
  if (inner !== undefined) return unwrapped(place, inner, options);
  if (format === undefined) throw notUnderstood(path, place.kind === "file" ? await formatOfFile(path) : undefined);
  if (format === "wds" || format === "parquet") await requireNoImagesBeside(place, format);
  const dataset = format === "folders" ? openFolders(place, options, settled) : formats[format].open(path, options);
  if (format === "list" || !hasFile(place, ownList)) return dataset;
  const list = place.files.filter((name) => ownList.test(name));
  const unused = `${listed(list)} in "${path}" is not used: it does not name existing images with their classes, as columns path and label would.`;
  return withNotes(await dataset, [unused]);
}

/** Folders of images next to archives are ambiguous: either may be the data. */
async function requireNoImagesBeside({ path, folders }: Place, format: string): Promise<void> {
  for (const name of folders)
    if (isImageName((await findData(join(path, name))) ?? ""))
      throw new FileError(
        path,
        `"${path}" holds ${format === "wds" ? "shards" : "Parquet files"} and images in "${name}". Say which is the data: ${format}:${path} or folders:${path}.`,
      );
}

/** The data in a folder that holds nothing else, under the name of the outer one. */
async function unwrapped({ path }: Place, inner: string, options: OpenOptions): Promise<Dataset> {
  const dataset = await openPlace(inner, options);
  const told = `"${path}" holds nothing but the folder "${relative(path, inner)}", whose data is taken.`;
  return { ...withNotes(dataset, [told]), name: basename(path) };
}

/** Folders of parts or of classes. `settled`: the user has said that they are what they are taken for. */
async function openFolders(place: Place, options: OpenOptions, settled: boolean): Promise<Dataset> {
  const { path, folders } = place;
  const { choices = {}, split } = options;
  const named = Object.keys(choices).length > 0;
  if (settled && !named) return openImageFolder(path, options);
  if (folders.length === 1 && folders[0] === "data") return openInner(place, "data", options, settled);
  const layout = await folderLayout(place, choices);
  if (layout.kind === "classes") {
    const isParquet = isParquetName((await findData(join(path, folders[0]))) ?? "");
    const dataset = isParquet ? formats.parquet.open(path, options) : openImageFolder(path, options, settled);
    return withNotes(await dataset, layout.notes);
  }
  const folder = layout.folders.get(split);
  if (folder === undefined) throw noPart(path, [...layout.folders.keys()], split);
  const inner = { ...options, choices: {} };
  const dataset = await openInner(place, folder, inner, settled).catch((error) => {
    // Data that is not divided further belongs entirely to this part.
    if (!(error instanceof NoSuchPartError) || error.parts.length > 0) throw error;
    return openInner(place, folder, { ...inner, split: "train" }, settled);
  });
  return withNotes(dataset, layout.notes);
}

/** The data in a folder of the place, under the name of the place. */
async function openInner({ path }: Place, folder: string, options: OpenOptions, settled: boolean): Promise<Dataset> {
  const inner = join(path, folder);
  const dataset = await openPlace(inner, options, settled);
  return { ...dataset, name: basename(path) };
}

/** Whether a path that is not a folder names a dataset rather than an image; judged only by the path. */
export const namesData = (path: string): boolean =>
  isProcedural(path) ||
  parseDataPath(path).format !== undefined ||
  Object.values(formats).some(({ recognises }) => recognises(asFile(path)));

const isVariety = (name: string): name is VarietyName => Object.hasOwn(varieties, name);

const isProcedural = (path: string): boolean => path === "procedural" || path.startsWith("procedural:");

const asFile = (path: string): Place => ({ path, kind: "file", files: [], folders: [] });

function notUnderstood(path: string, file: FileFormat | undefined): FileError {
  if (file !== undefined) {
    const way = /archive/.test(file.name)
      ? "unpack it and give the folder"
      : "give the folder of the images, or a list of them";
    return new FileError(path, `"${path}" is ${file.name} and no dataset; ${way}.`);
  }
  const known = Object.entries(formats).map(([name, { about }]) => `${name}: ${about}`);
  return new FileError(
    path,
    `"${path}" is not a dataset in a known format; it may be procedural, or ${known.join("; ")}. Put the format before the path to choose, such as wds:${path}.`,
  );
}

function openProcedural(spec: string, { split }: OpenOptions): Dataset {
  if (split === "validation") throw noPart(spec, ["train", "test"], split);
  const [, size = "32", count = split === "train" ? "8192" : "1024", variety = "any", ...more] = spec.split(":");
  const [s, n] = [Number(size), Number(count)];
  if (![s, n].every((v) => Number.isInteger(v) && v > 0) || !isVariety(variety) || more.length > 0) {
    throw new UsageError(
      `"${spec}" is not a procedural dataset; write procedural, procedural:SIZE, procedural:SIZE:COUNT or procedural:SIZE:COUNT:VARIETY, where the variety is ${Object.keys(varieties).join(" or ")}.`,
    );
  }
  return proceduralDataset({ size: s, count: n, split, variety });
}
