/** Entries of folders one by one, so that a million of them never exist as objects at once. */
import type { Dirent } from "node:fs";
import { access, mkdir, opendir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nameOf, rawPath } from "./raw-path.js";

/** Folders and files that operating systems leave among users' data, besides those whose names begin with a dot. */
const systems = new Set([
  "__MACOSX",
  "__pycache__",
  "@eaDir",
  "$RECYCLE.BIN",
  "System Volume Information",
  "lost+found",
  "Thumbs.db",
  "desktop.ini",
]);

export const isHidden = (name: string): boolean => name.startsWith(".") || systems.has(name);

/** The name of a folder of results inside a dataset, and the file in it that marks it. */
export const resultsFolder = "runs";
const resultsMark = ".results";

/** Whether a folder is marked as one of results, which hold no data. */
export const holdsResults = (folder: string): Promise<boolean> =>
  access(join(folder, resultsMark)).then(
    () => true,
    () => false,
  );

/** Makes a marked folder for results, which listings of the folder around it skip. */
export async function makeResultsFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, resultsMark), "This folder holds results of deit. Datasets around it skip it.\n");
}

export type Entry = Pick<Dirent, "isDirectory" | "isFile" | "isSymbolicLink">;

/** Calls `visit` for each entry that is neither hidden nor a folder of results; it may be asynchronous, and ends the walk by returning `false`. */
export async function forEachEntry(
  path: string,
  visit: (name: string, entry: Entry) => undefined | false | Promise<undefined | false>,
): Promise<void> {
  let foreign = false;
  for await (const entry of await opendir(rawPath(path), { bufferSize: 1024 })) {
    const { name } = entry;
    // The replacement character: the name is not valid UTF-8 and is read again as bytes.
    if (name.includes("\ufffd")) foreign = true;
    else if (!isHidden(name) && !(name === resultsFolder && (await holdsResults(join(path, name))))) {
      const answer = visit(name, entry);
      if (answer === false || (answer !== undefined && (await answer) === false)) return;
    }
  }
  if (!foreign) return;
  const again = await opendir(rawPath(path), { encoding: "buffer" as BufferEncoding });
  for await (const entry of again as unknown as AsyncIterable<Dirent<Buffer>>) {
    const name = nameOf(entry.name);
    if (entry.name.toString("utf8").includes("\ufffd") && !isHidden(name) && (await visit(name, entry)) === false)
      return;
  }
}
