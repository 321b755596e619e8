/** Locates the images of a list: at its paths, or by name in a folder next to it, as in competitions. */
import { stat } from "node:fs/promises";
import { basename, dirname, extname, isAbsolute, join } from "node:path";
import { FileError } from "../../../errors/errors.js";
import { hasControls } from "../../../errors/quoted.js";
import { rawPath } from "../../../system/files/raw-path.js";
import { filesBelow, imageName } from "../../dataset/files.js";
import { listed, partNaming } from "../../dataset/parts.js";
import type { Locates } from "./columns.js";

export class ListedFiles {
  /** Paths of the images below the folder, by path, by name and by name without extension. */
  #index: ReadonlyMap<string, readonly string[]> | undefined;
  /** Whether the list's own paths are valid. */
  #direct: boolean | undefined;

  constructor(
    readonly list: string,
    /** Folder of the images, relative to the list's. */
    readonly folder = "",
  ) {}

  get root(): string {
    return dirname(this.list);
  }

  readonly locates: Locates = {
    there: async (cell) => isName(cell) && this.#isThere(String(cell)),
    anywhere: async (cell) => isName(cell) && (await this.#found(String(cell))).length > 0,
  };

  async #isThere(name: string): Promise<boolean> {
    if (extname(name) === "") return false; // without an extension it is more likely a class or a number than a file
    return (await stat(rawPath(this.#asSaid(name))).catch(() => undefined))?.isFile() ?? false;
  }

  #asSaid(name: string): string {
    return isAbsolute(name) ? name : join(this.root, this.folder, name);
  }

  async #found(name: string): Promise<readonly string[]> {
    this.#index ??= await indexOf(join(this.root, this.folder), this.folder);
    return this.#index.get(name.replaceAll("\\", "/").replace(/^\.\//, "")) ?? [];
  }

  /** Determines, from the first sample, whether files are where the list says. */
  async begin(first: string): Promise<void> {
    this.#direct = (await this.#isThere(first)) || (await this.#found(first)).length === 0;
  }

  /** The path of a sample's file, relative to the list; as in the list if it cannot be found otherwise. */
  async pathOf(name: string): Promise<string> {
    if (this.#direct) return isAbsolute(name) ? name : join(this.folder, name);
    const found = await this.#found(name);
    const best = found.length > 1 ? this.#ofOwnPart(found) : found;
    if (best.length > 1)
      throw new FileError(
        this.list,
        `"${this.list}" names the image "${name}", which exists more than once below its folder: ${listed(best)}. Specify the folder, as list,images=${dirname(best[0])}:${this.list}.`,
      );
    return best[0] ?? join(this.folder, name);
  }

  /** Those in folders named after the same part as the list: for train.csv, those in train_images. */
  #ofOwnPart(paths: readonly string[]): readonly string[] {
    const naming = partNaming();
    const own = naming(basename(this.list));
    const fitting = paths.filter((path) => path.split("/").some((name) => naming(name) === own));
    return own === undefined || fitting.length === 0 ? paths : fitting;
  }

  /** A sentence if the images are not where the list says. */
  notes(first: string | undefined): string[] {
    return this.#direct || first === undefined
      ? []
      : [`The images of "${this.list}" are not where it says; they were found by name, the first as "${first}".`];
  }
}

/** Whether a cell can be the name of a file at all. */
const isName = (cell: unknown): boolean =>
  typeof cell === "number" || (typeof cell === "string" && cell !== "" && cell.length <= 4096 && !hasControls(cell));

/** Maximum number of images that are searched. */
const mostImages = 5_000_000;

async function indexOf(root: string, prefix: string): Promise<Map<string, string[]>> {
  const index = new Map<string, string[]>();
  const add = (key: string, path: string) => {
    const known = index.get(key);
    if (known === undefined) index.set(key, [path]);
    else if (!known.includes(path)) known.push(path);
  };
  for (const path of await filesBelow(root, imageName, mostImages)) {
    const below = path.replaceAll("\\", "/");
    const name = basename(below);
    const whole = prefix === "" ? below : join(prefix, below);
    for (const key of new Set([
      below,
      below.slice(0, -extname(below).length),
      name,
      name.slice(0, -extname(name).length),
    ]))
      add(key, whole);
  }
  return index;
}
