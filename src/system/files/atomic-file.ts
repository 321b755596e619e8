/** Atomic writing of files: a file is either the old or the new version, never a mixture. */
import { createHash, randomInt } from "node:crypto";
import { open, readdir, rename, rm, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { FileError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { requireReplaceable } from "./regular-file.js";

/**
 * A unique name in the same folder, for a file that will be renamed. Random, because threads, and processes of two
 * containers, may share a process id.
 */
export const temporaryBeside = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${process.pid}.${randomInt(2 ** 47)}.tmp`);

/** The file whose creator alone may replace the lock `path` while the lock has this content (lock-file.ts). */
export const rightToReplace = (path: string, content: string): string =>
  join(dirname(path), `.${basename(path)}.${createHash("sha256").update(content).digest("hex").slice(0, 16)}.right`);

/**
 * Writes a file atomically: to a temporary file in the same folder, synced to disk, then renamed over it. On failure
 * the old file is unchanged and the temporary one is removed. Anything but a regular file, such as a device, is refused
 * and left in place.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await requireReplaceable(path);
    const file = await open(temporary, "wx");
    try {
      const chunks =
        typeof content === "string" ? [Buffer.from(content)] : content instanceof Uint8Array ? [content] : content;
      for await (const chunk of chunks) await writeAll(file, chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    // The first error is the one to report.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw fileError(path, "write", error);
  }
}

/**
 * Renames a file within its folder, so that the change is on disk when this returns; false if there is no such file.
 */
export async function moveFile(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw fileError(from, "rename", error);
  }
  await syncFolder(dirname(to));
  return true;
}

const leftoverName = /^\..*\.(\d+\.\d+\.tmp|[0-9a-f]{16}\.right)$/;

/** Removes unfinished files of killed processes from a locked folder, to which no other process writes. */
export async function removeLeftovers(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error) => {
    throw fileError(folder, "list the folder", error);
  });
  for (const name of names) if (leftoverName.test(name)) await rm(join(folder, name), { force: true });
}

async function writeAll(file: Awaited<ReturnType<typeof open>>, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; )
    at += (await file.write(chunk, at, Math.min(chunk.length - at, 1 << 30))).bytesWritten;
}

/** Makes a rename durable; some systems cannot sync a folder, and the rename is then valid without it. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

/** Throws if the disk of the folder `path` has less than `bytes` free. */
export async function requireFreeSpace(path: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(path).catch((error) => {
    throw fileError(path, "look at", error);
  });
  const free = bavail * bsize;
  if (free < bytes)
    throw new FileError(
      path,
      `There is not enough space in "${path}" for ${what}: ${shortage(bytes, free)}; free some space or choose another folder.`,
    );
}

/** Rounded in opposite directions, so that the two never look the same. */
export const shortage = (needed: number, free: number): string =>
  `${Math.ceil(needed / 2 ** 20)} MiB are needed and ${Math.floor(free / 2 ** 20)} MiB are free`;
