/** Checks where a command will write, before it starts its work. */
import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { FileError, UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
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

/** Throws if the output is inside a dataset, where it would be mistaken for a class or a part. */
export async function requireOutside(data: string, output: string): Promise<void> {
  const folder = await stat(data).catch(() => undefined);
  if (!folder?.isDirectory()) return;
  const way = relative(await realpath(data), await placeOf(resolve(output)));
  if (way === "") throw new UsageError(`--output is the data folder "${data}" itself; choose a folder outside of it.`);
  if (way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way)) return;
  const beside = relative(".", resolve(await realpath(data), "..", "runs", basename(output)));
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
