/**
 * The classes of ImageNet's validation images, which are named only by number: from the development kit (a ground-truth
 * file of numbers, and meta.mat, which maps them to synsets), or from Kaggle's table.
 */
import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { FileError } from "../../../errors/errors.js";
import { fileError } from "../../../errors/file-error.js";
import { bufferSource } from "../../../formats/byte-source.js";
import { gunzipped } from "../../../formats/gunzip.js";
import { type MatStruct, parseMat } from "../../../formats/mat.js";
import { tarMembers } from "../../../formats/tar.js";
import { linesOf } from "../../../system/files/lines.js";
import { readWhole } from "../../../system/files/regular-file.js";

export interface Truth {
  /** Where it was found. */
  readonly path: string;
  /** Synsets in class order. */
  readonly classes: readonly string[];
  /** Synset of an image by its number, from 1. */
  synset(number: number): string | undefined;
}

const kit = "ILSVRC2012_devkit_t12";
const groundTruth = "ILSVRC2012_validation_ground_truth.txt";
const table = "LOC_val_solution.csv";

/** Maximum unpacked size of the kit; the real one has 9 MB. */
const largestKit = 256 * 2 ** 20;

/** Where Kaggle's archive has the images; its table is next to the first of these folders. */
const kaggleFolders = /^(.*?[\\/]?)ILSVRC[\\/]Data[\\/]CLS-LOC[\\/][^\\/]+$/;

/**
 * Finds the classes near the images: in their folder, its parent, or where Kaggle puts them. Throws FileError if they
 * are not found.
 */
export async function readTruth(folder: string): Promise<Truth> {
  const [, kaggle] = kaggleFolders.exec(resolve(folder)) ?? [];
  for (const place of [folder, dirname(folder), ...(kaggle === undefined ? [] : [kaggle])]) {
    for (const inner of ["", "data", join(kit, "data")]) {
      const path = join(place, inner, groundTruth);
      if (!(await exists(path))) continue;
      const meta = join(place, inner, "meta.mat");
      const [numbers, synsets] = await Promise.all([path, meta].map(read));
      return fromKit(path, numbers.toString("latin1"), synsets);
    }
    const packed = join(place, `${kit}.tar.gz`);
    if (await exists(packed)) return readPackedKit(packed);
    if (await exists(join(place, table))) return readTable(join(place, table));
  }
  throw new FileError(
    folder,
    `The validation images in "${folder}" have no classes; put ${kit}.tar.gz beside them, or its ${groundTruth} with meta.mat, or ${table}.`,
  );
}

async function readPackedKit(path: string): Promise<Truth> {
  const pieces: Buffer[] = [];
  for await (const piece of gunzipped(path, largestKit)) pieces.push(piece);
  const source = bufferSource(path, Buffer.concat(pieces));
  const contents = new Map<string, Buffer>();
  for await (const { name, offset, length } of tarMembers(source))
    contents.set(name.slice(name.lastIndexOf("/") + 1), await source.read(offset, length));
  const [numbers, synsets] = [groundTruth, "meta.mat"].map((name) => {
    const content = contents.get(name);
    if (!content) throw new FileError(path, `"${path}" holds no ${name}; get the development kit again.`);
    return content;
  });
  return fromKit(path, numbers.toString("latin1"), synsets);
}

/** Numbers line by line, and their synsets; inner nodes of WordNet are not classes. */
function fromKit(path: string, numbers: string, meta: Buffer): Truth {
  const synsets = parseMat(path, meta, ["synsets"]).get("synsets");
  const byNumber = new Map<number, string>();
  for (const synset of Array.isArray(synsets) ? (synsets as readonly MatStruct[]) : []) {
    if (!(synset instanceof Map)) continue;
    const [id, name, children] = ["ILSVRC2012_ID", "WNID", "num_children"].map((field) => synset.get(field));
    if (Array.isArray(id) && Array.isArray(children) && children[0] === 0) byNumber.set(Number(id[0]), String(name));
  }
  const lines = numbers.trim().split(/\s+/).map(Number);
  const lost = lines.find((n) => !byNumber.has(n));
  if (lost !== undefined)
    throw new FileError(path, `"${path}" names the class ${lost}, which meta.mat does not; get both files again.`);
  return {
    path,
    classes: [...byNumber.values()].sort(),
    synset: (number) => byNumber.get(lines[number - 1]),
  };
}

/** Lines `ILSVRC2012_val_00048981,n03995372 85 1 499 272`. */
async function readTable(path: string): Promise<Truth> {
  const byNumber = new Map<number, string>();
  for await (const line of linesOf(path)) {
    const [, number, synset] = /^ILSVRC2012_val_(\d{8}),(n\d{8})\b/.exec(line) ?? [];
    if (synset !== undefined) byNumber.set(Number(number), synset);
  }
  if (byNumber.size === 0)
    throw new FileError(path, `"${path}" names no images as ILSVRC2012_val_00000001,n01440764 does.`);
  return { path, classes: [...new Set(byNumber.values())].sort(), synset: (number) => byNumber.get(number) };
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

function read(path: string): Promise<Buffer> {
  return readWhole(path, largestKit).catch((error) => {
    throw fileError(path, "read", error);
  });
}
