/**
 * The only place where users' files are opened. A name may refer to a pipe, which waits forever for a writer, a device,
 * which has no end, or a socket; only regular files are opened, and reading a whole file is bounded.
 */
import { closeSync, constants, fstatSync, openSync, type ReadStream, type Stats, statSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { rawPath } from "./raw-path.js";

/**
 * Not a regular file, or too large to be what it should be. The message follows "cannot read …: " or "cannot write …:
 * ".
 */
export class Unreadable extends Error {}

/**
 * Does not wait for a pipe's writer, and prevents a terminal from becoming the controlling one. Systems without these
 * flags do not need them.
 */
const unwaiting = (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);
const reading = constants.O_RDONLY | unwaiting;
const changing = constants.O_RDWR | unwaiting;

/** Default limit in bytes for reading a whole file. */
const usualText = 64 * 2 ** 20;

/**
 * Opens an existing regular file for reading, or also for changing it. Throws Unreadable for anything else, or the
 * system's error.
 */
export async function openRegular(path: string, to: "read" | "change" = "read"): Promise<FileHandle> {
  return (await openSized(path, to)).file;
}

/** The same, with its size from the same `stat`. */
export async function openSized(
  path: string,
  to: "read" | "change",
): Promise<{ readonly file: FileHandle; readonly size: number }> {
  const file = await open(rawPath(path), to === "read" ? reading : changing).catch((error) => {
    throw openingError(path, error);
  });
  try {
    const info = await file.stat();
    requireRegular(info);
    return { file, size: info.size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Throws Unreadable if the path is something that a file must not replace: a device, a pipe, a folder. */
export async function requireReplaceable(path: string): Promise<void> {
  const there = await stat(rawPath(path)).catch(() => undefined);
  if (there) requireRegular(there);
}

/** Like `openRegular`, but synchronous: an open file and its size. */
export function openRegularSync(path: string): { readonly file: number; readonly size: number } {
  let file: number;
  try {
    file = openSync(rawPath(path), reading);
  } catch (error) {
    throw openingError(path, error);
  }
  try {
    const info = fstatSync(file);
    requireRegular(info);
    return { file, size: info.size };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** The content piece by piece; the file is closed with the stream. Throws as `openRegular` does. */
export async function streamRegular(path: string, highWaterMark = 1 << 20): Promise<ReadStream> {
  return (await openRegular(path)).createReadStream({ highWaterMark });
}

/**
 * The content of a file of at most `atMost` bytes, even if it grows meanwhile. A file descriptor passed to this
 * process, as by a shell's `<(…)`, may be a pipe. Throws as `openRegular` does.
 */
export async function readWhole(path: string, atMost: number): Promise<Buffer> {
  const given = isGivenOpen(path);
  const { file, size } = given ? { file: await open(path, "r"), size: 0 } : await openSized(path, "read");
  try {
    const pieces: Buffer[] = [];
    let length = 0;
    // Reading one byte more than the reported size shows whether the file ends there.
    for (let room = size + 1; length <= atMost && size <= atMost; room = 1 << 16) {
      const piece = Buffer.allocUnsafeSlow(Math.min(room, 1 << 30));
      const { bytesRead } = await file.read(piece, 0, piece.length, null);
      if (bytesRead === 0) return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
      length += bytesRead;
      pieces.push(piece.subarray(0, bytesRead));
      // A regular file that returns less than requested has ended; a pipe may just be slow.
      if (!given && size > 0 && bytesRead < piece.length && length <= atMost)
        return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    }
    throw tooLarge(atMost);
  } finally {
    await file.close();
  }
}

/** The same as text. */
export async function readText(path: string, atMost = usualText): Promise<string> {
  return (await readWhole(path, atMost)).toString("utf8");
}

/** The error for a file with more bytes than allowed. */
export const tooLarge = (atMost: number): Unreadable =>
  new Unreadable(`it has more than ${atMost} bytes, the limit for a file of its kind; name another, or remove it`);

const isGivenOpen = (path: string): boolean => /^\/(dev\/stdin|(dev|proc\/self)\/fd\/\d+)$/.test(path);

function requireRegular(info: Stats): void {
  if (info.isFile()) return;
  // As the system reports it when one is read.
  if (info.isDirectory()) throw Object.assign(new Unreadable("it is a folder; name a file"), { code: "EISDIR" });
  throw new Unreadable(`it is ${kindOf(info)}, not a file; name a file, or remove it`);
}

function kindOf(info: Stats): string {
  if (info.isFIFO()) return "a named pipe";
  return info.isSocket() ? "a socket" : "a device";
}

/** A socket cannot even be opened, and the system's error then mentions devices. */
function openingError(path: string, error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).code !== "ENXIO") return error;
  const info = statSync(rawPath(path), { throwIfNoEntry: false });
  return info?.isSocket() ? new Unreadable("it is a socket, not a file; name a file, or remove it") : error;
}
