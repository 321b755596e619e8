/** Checks where a command will write, before it starts its work. */
import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { FileError, UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { holdsResults, resultsFolder } from "../../system/files/folder-entries.js";
import { requireReplaceable } from "../../system/files/regular-file.js";
import { shellWord } from "../../system/text/shell-word.js";

/** Throws if an option's file could not be written. */
export async function requireWritable(option: string, path: string | undefined): Promise<void> {
  if (path === undefined) return;
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw new FileError(path, `${option} got "${path}", which is a folder; name a file.`);
  await requireReplaceable(path).catch((error) => {
    throw fileError(path, "write", error);
  });
  const folder = dirname(path);
  const above = await stat(folder).catch(() => undefined);
  if (!above)
    throw new FileError(
      path,
      `${option} got "${path}", but there is no folder "${folder}"; create it first, or name another.`,
    );
  if (!above.isDirectory())
    throw new FileError(path, `${option} got "${path}", but "${folder}" is not a folder; name another file.`);
  await access(folder, constants.W_OK).catch((error) => {
    throw fileError(path, "write", error);
  });
}

/** A folder name for results from this data: that of its folder or file, with characters allowed on every system. */
export const namedAfter = (data: string): string => basename(resolve(data)).replace(/[^\p{L}\p{M}\p{N}._-]/gu, "-");

/**
 * Throws if the output is inside a dataset, where it would be mistaken for a class or a part. The exception is below the
 * folder `runs` of the dataset, unless that holds data: returns this folder, to be made by `makeResultsFolder` when the
 * command starts to write.
 */
export async function requireOutside(data: string, output: string): Promise<string | undefined> {
  const folder = await stat(data).catch(() => undefined);
  if (!folder?.isDirectory()) return undefined;
  const real = await realpath(data);
  const way = relative(real, await placeOf(resolve(output)));
  if (way === "") throw new UsageError(`--output is the data folder "${data}" itself; choose a folder outside of it.`);
  const [first, ...below] = way.split(sep);
  if (first === ".." || isAbsolute(way)) return undefined;
  const results = join(real, resultsFolder);
  const free = (await holdsResults(results)) || !(await stat(results).catch(() => undefined));
  if (first === resultsFolder && below.length > 0 && free) return results;
  const beside = relative(".", resolve(real, "..", "runs", basename(output)));
  throw new UsageError(
    `The output folder "${output}" would be inside the data folder "${data}" and be mistaken for one of its classes; choose one outside, such as --output ${shellWord(beside)}.`,
  );
}

/** The path with links resolved, as far as it exists. */
async function placeOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const above = dirname(path);
    return above === path ? path : resolve(await placeOf(above), relative(above, path));
  }
}
