/** Image arguments of commands: files, folders, globs, datasets, standard input. */
import { stat } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { decodeImage } from "../../data/codec/decode.js";
import { type Dataset, requireAlpha, requireOrientation, sayings } from "../../data/dataset/dataset.js";
import { addImagesBelow, FileList } from "../../data/dataset/files.js";
import { LeftOut } from "../../data/dataset/left-out.js";
import { whileHere } from "../../data/dataset/pieces.js";
import type { RgbImage } from "../../data/pixels/image.js";
import { namesData, openDataset } from "../../data/sources/open.js";
import { readSample } from "../../data/view/view.js";
import { NoSuchPartError, UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { decodedFor, type ReadFor } from "../../evaluation/called-classifier.js";
import { openingBars } from "../output/opening-progress.js";
import { warn } from "../output/output.js";

export interface ImageInput {
  /** Path of a file, or key of a dataset's sample. */
  readonly name: string;
  load(): Promise<RgbImage>;
}

/** The images given by the arguments, in order. Throws FileError or UsageError for an argument without images. */
export async function findImages(named: readonly string[], view: ReadFor, signal?: AbortSignal): Promise<ImageInput[]> {
  const inputs: ImageInput[] = [];
  for (const name of named) for (const input of await imagesOf(name, view, signal)) inputs.push(input);
  return inputs;
}

async function imagesOf(named: string, view: ReadFor, signal: AbortSignal | undefined): Promise<ImageInput[]> {
  if (named === "-") return [{ name: "standard input", load: () => readStandardInput(view) }];
  if (named === "@-")
    return (await text(process.stdin))
      .split(/\r?\n/)
      .filter(Boolean)
      .map((path) => fileInput(path, view));
  const info = await stat(named).catch(() => undefined);
  if (info?.isDirectory()) {
    const list = await imagesBelow(named);
    // A folder without images may contain them in archives.
    if (list.length === 0) return datasetInputs(await openAnyPart(named, signal), view);
    return Array.from({ length: list.length }, (_, i) => fileInput(list.path(i), view));
  }
  if (namesData(named)) return datasetInputs(await openAnyPart(named, signal), view);
  if (info || !/[*?[{]/.test(named)) return [fileInput(named, view)];
  return (await filesFitting(named)).map((path) => fileInput(path, view));
}

/** The images of a folder, or of a dataset in files, with no meaning of their labels. */
export async function imagesWithoutLabels(named: string, signal?: AbortSignal): Promise<Dataset> {
  const info = await stat(named).catch((error) => {
    throw fileError(named, "read the images in", error);
  });
  const list = info.isDirectory() ? await imagesBelow(named) : undefined;
  // A folder without images may contain them in archives.
  if (!list?.length) return openAnyPart(named, signal);
  return {
    ...{ name: named, classes: [], length: list.length, label: () => 0 },
    source: (i) => ({ kind: "file", path: list.path(i) }),
    describe: (i) => list.path(i),
    key: (i) => list.path(i),
  };
}

async function imagesBelow(folder: string): Promise<FileList> {
  const list = new FileList(folder);
  const leftOut = new LeftOut();
  await addImagesBelow(list, "", leftOut);
  for (const sentence of await leftOut.sentences(folder)) warn(sentence);
  return list;
}

/**
 * Files whose paths match a pattern of `*`, `?`, `[…]` and `{…}`. Existing paths are taken literally, so that folders
 * such as `Downloads (1)` and `[2024]` may precede the pattern.
 */
async function filesFitting(pattern: string): Promise<string[]> {
  const { escapePath, glob } = await import("tinyglobby");
  const names = pattern.split("/");
  let there = 0;
  for (let count = 1; count < names.length; count++)
    if (await stat(names.slice(0, count).join("/") || "/").catch(() => undefined)) there = count;
  const folder = names.slice(0, there).map(escapePath);
  // Parentheses are literal here, as in most shells.
  const rest = names.slice(there).map((name) => name.replace(/[()]/g, "\\$&"));
  const files = await glob([...folder, ...rest].join("/"), { absolute: false, expandDirectories: false });
  if (files.length === 0) throw new UsageError(`No file matches "${pattern}".`);
  return files.sort();
}

/** The evaluation part; a shard named train-000.tar has only the training part. */
async function openAnyPart(path: string, signal: AbortSignal | undefined): Promise<Dataset> {
  const asked = { signal, onProgress: openingBars() };
  const dataset = await openDataset(path, { split: "test", ...asked }).catch((error: unknown) => {
    if (error instanceof NoSuchPartError) return openDataset(path, { split: "train", ...asked });
    throw error;
  });
  for (const note of sayings(dataset)) warn(note);
  return dataset;
}

function datasetInputs(dataset: Dataset, view: ReadFor): ImageInput[] {
  requireOrientation(dataset, view.exif);
  requireAlpha(dataset, view.channels);
  return Array.from({ length: dataset.length }, (_, i) => ({
    name: dataset.key(i),
    load: () => whileHere(dataset, [i], () => readSample(dataset.source(i), decodedFor(view))),
  }));
}

const fileInput = (path: string, view: ReadFor): ImageInput => ({
  name: path,
  load: () => readSample({ kind: "file", path }, decodedFor(view)),
});

async function readStandardInput(view: ReadFor): Promise<RgbImage> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  if (bytes.length === 0) throw fileError("standard input", "read an image from", new Error("it is empty"));
  return decodeImage(bytes, { name: "standard input", ...decodedFor(view) });
}
