/** Files in one folder whose names begin with their class: `n01440764_tench.JPEG`, `cat_0012.png`. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError, UsageError } from "../../errors.js";
import { fileError } from "../../system/atomic-file.js";
import { NameColumn, Uint32Column } from "../columns.js";
import type { Dataset, OpenOptions } from "../dataset.js";
import { FileList, fileDataset, inOrder, listFolder } from "./files.js";

export async function openFlatFolder(path: string, options: OpenOptions): Promise<Dataset> {
  const { images } = await listFolder(path);
  const files = new FileList(path);
  files.addAll("", inOrder(images));
  const prefixes = new Set<string>();
  for (const name of images) prefixes.add(prefixOf(path, name));
  const classes = options.classes ?? [...inOrder(NameColumn.of(prefixes))];
  const byKey = new Map(classes.flatMap((name, i) => classKeys(name).map((key) => [key, i] as const)));
  const labels = new Uint32Column();
  for (let i = 0; i < files.length; i++) {
    const prefix = prefixOf(path, files.relative(i));
    const label = byKey.get(prefix);
    if (label === undefined) {
      throw new UsageError(
        `"${files.path(i)}" begins with "${prefix}", which is none of the ${classes.length} classes given.`,
      );
    }
    labels.push(label);
  }
  return fileDataset(files, classes, labels);
}

function prefixOf(folder: string, name: string): string {
  const at = name.indexOf("_");
  if (at > 0) return name.slice(0, at);
  throw new FileError(
    join(folder, name),
    `"${join(folder, name)}" has no class: put images into a folder per class, or begin their names with CLASS_.`,
  );
}

/** A class `n01440764 tench` is known by its first word too. */
function classKeys(name: string): string[] {
  const first = name.split(/\s+/)[0];
  return first === name ? [name] : [name, first];
}

/** Class names from a text file, one per line. */
export async function readClassFile(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch((error) => {
    throw fileError(path, "read the class names in", error);
  });
  const lines = text.split(/\r?\n/).map((l) => l.trim());
  while (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) throw new FileError(path, `"${path}" names no classes; write one per line.`);
  return lines;
}
