/** Folders with those above them, and plain words where one cannot be made. */
import { constants } from "node:fs";
import { access, mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";

/** Makes the folder unless it is there; `what` names it in the error, as "the run folder". */
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
  // A read-only disk makes mkdir say that the folder does not exist.
  const reason = code === "ENOENT" ? await access(await firstThere(path), constants.W_OK).catch((e) => e) : undefined;
  return fileError(path, `create ${what}`, reason ?? error);
}

/** The lowest of the folder and those above it that exists. */
async function firstThere(path: string): Promise<string> {
  for (let at = resolve(path); ; at = dirname(at)) {
    const there = await stat(at).catch(() => undefined);
    if (there || at === dirname(at)) return at;
  }
}

/** Whichever of the path and those above it is a file. */
async function firstFile(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    const there = await stat(at).catch(() => undefined);
    if ((there && !there.isDirectory()) || at === dirname(at)) return at;
  }
}
