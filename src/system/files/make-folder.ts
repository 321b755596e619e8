/** Creates folders with their parents, with a plain error where that is not possible. */
import { constants } from "node:fs";
import { access, mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";

/** Creates the folder unless it exists; `what` names it in the error, such as "the run folder". */
export async function makeFolder(path: string, what = "the folder"): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw await whyNot(path, what, error);
  }
}

async function whyNot(path: string, what: string, error: unknown): Promise<FileError> {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EEXIST" || code === "ENOTDIR") {
    const file = await firstFile(path);
    const same = resolve(file) === resolve(path);
    return new FileError(
      path,
      `Cannot create ${what} "${path}": ${same ? "a file has that name" : `"${file}" is a file`}; choose another.`,
      {
        cause: error,
      },
    );
  }
  // On a read-only disk mkdir reports that the folder does not exist.
  const reason = code === "ENOENT" ? await access(await firstThere(path), constants.W_OK).catch((e) => e) : undefined;
  return fileError(path, `create ${what}`, reason ?? error);
}

/** The deepest existing folder of the path. */
async function firstThere(path: string): Promise<string> {
  for (let at = resolve(path); ; at = dirname(at)) {
    const there = await stat(at).catch(() => undefined);
    if (there || at === dirname(at)) return at;
  }
}

/** The path or the parent of it that is a file. */
async function firstFile(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    const there = await stat(at).catch(() => undefined);
    if ((there && !there.isDirectory()) || at === dirname(at)) return at;
  }
}
