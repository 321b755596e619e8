/** Creates a folder with all of its files, or nothing. */
import { randomInt } from "node:crypto";
import { mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { sentence, setting } from "../../errors/sentence.js";
import { makeFolder } from "./make-folder.js";

/** Throws FileError unless the folder can be created: it must not exist, or be empty. */
export async function requireNewFolder(path: string): Promise<void> {
  const found = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    if (error.code === "ENOTDIR")
      throw new FileError(
        path,
        sentence`"${path}" is a file, and a folder is to be written; choose another ${setting("output")}.`,
      );
    throw fileError(path, "look into", error);
  });
  if (found.length > 0)
    throw new FileError(
      path,
      sentence`The folder "${path}" is not empty (it holds "${found[0]}"), and nothing in it is replaced; choose another ${setting("output")}.`,
    );
}

/**
 * Calls `write` with a temporary folder beside `path`, which gets that name when all is written. Where it fails, the
 * temporary folder is removed.
 */
export async function writeNewFolder<T>(path: string, write: (folder: string) => Promise<T>): Promise<T> {
  await requireNewFolder(path);
  const above = dirname(resolve(path));
  await makeFolder(above);
  const temporary = join(above, `.${basename(resolve(path))}.${process.pid}.${randomInt(2 ** 47)}.tmp`);
  try {
    await mkdir(temporary).catch((error) => {
      throw fileError(path, "create the folder", error);
    });
    const result = await write(temporary);
    await rmdir(path).catch(() => undefined); // an empty folder of that name
    await rename(temporary, path).catch((error) => {
      throw fileError(path, "create the folder", error);
    });
    return result;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}
