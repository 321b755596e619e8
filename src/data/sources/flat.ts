/** Files in one folder whose names begin with their class: `n01440764_tench.JPEG`, `cat_0012.png`. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError, UsageError } from "../../errors.js";
import { fileError } from "../../system/atomic-file.js";
import type { Dataset, OpenOptions } from "../dataset.js";
import { fileDataset, isImageName, listFolder } from "./files.js";

export async function openFlatFolder(path: string, options: OpenOptions): Promise<Dataset> {
  const files = (await listFolder(path)).filter((e) => !e.isDirectory() && isImageName(e.name)).map((e) => e.name);
  const prefixes = files.map((name) => name.slice(0, Math.max(0, name.indexOf("_"))));
  const unnamed = prefixes.indexOf("");
  if (unnamed >= 0) {
    throw new FileError(
      join(path, files[unnamed]),
      `"${join(path, files[unnamed])}" has no class: put images into a folder per class, or begin their names with CLASS_.`,
    );
  }
  const classes = options.classes ?? [...new Set(prefixes)].sort();
  const byKey = new Map(classes.flatMap((name, i) => classKeys(name).map((key) => [key, i] as const)));
  const labels = prefixes.map((prefix, i) => {
    const label = byKey.get(prefix);
    if (label === undefined) {
      throw new UsageError(
        `"${join(path, files[i])}" begins with "${prefix}", which is none of the ${classes.length} classes given.`,
      );
    }
    return label;
  });
  return fileDataset(
    path,
    classes,
    files.map((name) => join(path, name)),
    Uint32Array.from(labels),
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
