/**
 * A lock file that does not outlive its process: it is taken over when its owner is gone, on this machine or another.
 *
 * The lock is a file that identifies its owner, created with its content in one step. A lock never changes owner by
 * being removed: a process that wants to replace or remove a lock with the content C first creates the file
 * `.LOCK.<hash of C>.right`, which only one process can, and then checks that the lock still contains C. So of all
 * processes that found a lock abandoned, exactly one replaces it, by one rename, and an owner's release cannot remove
 * the lock of a successor. A process that dies with that right leaves an abandoned lock on the right, which is taken
 * over in the same way.
 *
 * If the owner is visible from here, the operating system says whether it is alive (process-identity.ts). Other owners
 * give signs of life by rewriting the file. An owner that was silent for too long and resumes finds another process's
 * lock and gets an error.
 */
import { randomUUID } from "node:crypto";
import { link, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileError } from "../../errors/file-error.js";
import { asObject, tryJson } from "../text/json.js";
import { rightToReplace, temporaryBeside } from "./atomic-file.js";
import { lifeOf, type ProcessIdentity, thisProcess } from "./process-identity.js";
import { openRegular, readText } from "./regular-file.js";

export interface LockOptions {
  /** The error for a lock that another process holds; the owner is undefined if the lock does not name it. */
  readonly held: (owner: ProcessIdentity | undefined) => Error;
  /** The error for a lock that another process has taken over. */
  readonly lost?: (owner: ProcessIdentity | undefined) => Error;
  /** Milliseconds between signs of life. */
  readonly beat?: number;
  /** If only signs of life of the owner are visible: milliseconds without one after which it counts as gone. */
  readonly silence?: number;
}

export interface Lock {
  /** Aborts when another process has taken the lock over; its reason is the error. */
  readonly lost: AbortSignal;
  /**
   * Throws when another process has taken the lock over. Call it before writing anything that must not be written
   * twice.
   */
  confirm(): Promise<void>;
  /** Removes the lock, if it still belongs to this process. */
  release(): Promise<void>;
}

const usualBeat = 15_000;
const usualSilence = 120_000;
/** Milliseconds for which a file that names no owner must stay as it is to count as abandoned. */
const writing = 2000;
const attempts = 100;

/** Takes the lock file `path`. Throws `held` when another process has it, FileError when it cannot be written. */
export async function takeLock(path: string, options: LockOptions): Promise<Lock> {
  const { held, beat = usualBeat, silence = usualSilence } = options;
  const mine = JSON.stringify({ ...thisProcess(), nonce: randomUUID() });
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (await create(path, mine)) return hold(path, mine, options);
    const found = await read(path);
    if (found === undefined) continue;
    if (!(await isAbandoned(path, found, silence, 1.5 * beat))) throw held(ownerIn(found));
    if (await replace(path, found, mine, silence)) return hold(path, mine, options);
    await sleep(20); // another process is working on it
  }
  throw held(undefined);
}

/** Takes the lock as soon as it is free. `onWaiting` is called once with its owner. */
export async function waitForLock(
  path: string,
  options: Omit<LockOptions, "held"> & {
    readonly signal?: AbortSignal;
    readonly onWaiting?: (owner: ProcessIdentity | undefined) => void;
  } = {},
): Promise<Lock> {
  class Held extends Error {}
  let told = false;
  for (;;) {
    options.signal?.throwIfAborted();
    let owner: ProcessIdentity | undefined;
    const held = (found: ProcessIdentity | undefined) => {
      owner = found;
      return new Held();
    };
    try {
      return await takeLock(path, { ...options, held });
    } catch (error) {
      if (!(error instanceof Held)) throw error;
    }
    if (!told) options.onWaiting?.(owner);
    told = true;
    await sleep(200, undefined, { signal: options.signal });
  }
}

/** Whether a process holds the lock file `path`. Nothing is written. */
export async function isLocked(path: string, silence = usualSilence): Promise<boolean> {
  const owner = ownerIn((await read(path).catch(() => undefined)) ?? "");
  if (!owner) return false;
  const life = lifeOf(owner);
  if (life === "alive" || life === "gone") return life === "alive";
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
  return Date.now() - mtimeMs < silence; // clocks of two machines may differ: good enough for a display
}

function hold(path: string, mine: string, { lost = defaultLost(path), beat = usualBeat }: LockOptions): Lock {
  const controller = new AbortController();
  const check = async (): Promise<void> => {
    if (controller.signal.aborted) return;
    const found = await sign(path, mine);
    if (found === mine) return;
    // If removed by hand, it is taken again, unless another process was faster.
    if (found === undefined && (await create(path, mine))) return;
    clearInterval(timer);
    controller.abort(lost(ownerIn(found ?? (await read(path)) ?? "")));
  };
  // A disk that does not respond now may do so at the next beat.
  const timer = setInterval(() => void check().catch(() => undefined), beat);
  timer.unref();
  return {
    lost: controller.signal,
    confirm: async () => {
      await check().catch(() => undefined);
      controller.signal.throwIfAborted();
    },
    release: async () => {
      clearInterval(timer);
      await replace(path, mine, undefined, usualSilence).catch(() => undefined); // the file stays, without its process
    },
  };
}

const defaultLost = (path: string) => () =>
  fileError(path, "keep the lock", new Error("another process has taken it over"));

/**
 * Rewrites the file as a sign of life, if it belongs to this process, and returns its content. It is written rather
 * than touched, so that its time comes from the disk's machine, and through one handle, so that a file renamed over it
 * since is not changed.
 */
async function sign(path: string, mine: string): Promise<string | undefined> {
  const file = await openRegular(path, "change").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (!file) return undefined;
  try {
    const found = await file.readFile("utf8");
    if (found === mine) await file.write(mine, 0, "utf8");
    return found;
  } finally {
    await file.close();
  }
}

/**
 * Replaces or removes the lock with the content `found`; false if another process is doing so, or the content differs.
 */
async function replace(path: string, found: string, mine: string | undefined, silence: number): Promise<boolean> {
  const right = rightToReplace(path, found);
  const claim = mine ?? JSON.stringify({ ...thisProcess(), nonce: randomUUID() });
  if (!(await create(right, claim))) {
    const rival = await read(right);
    if (rival === undefined || !(await isAbandoned(right, rival, silence, 0))) return false;
    if (!(await replace(right, rival, claim, silence))) return false;
  }
  try {
    if ((await read(path)) !== found) return false;
    if (mine === undefined) await rm(path, { force: true });
    else await writeWhole(path, mine, rename);
    return true;
  } catch (error) {
    throw fileError(path, "write", error);
  } finally {
    await rm(right, { force: true });
  }
}

/**
 * Whether the owner of the lock is gone. Silence is checked twice, the second time for `watch` milliseconds by a
 * monotonic clock: the disk's clock may have been set forward since the last sign of life.
 */
async function isAbandoned(path: string, found: string, silence: number, watch: number): Promise<boolean> {
  const owner = ownerIn(found);
  if (!owner) return isStill(path, found, Math.min(writing, silence));
  const life = lifeOf(owner);
  if (life === "alive" || life === "gone") return life === "gone";
  return (await age(path)) > silence && (await isStill(path, found, Math.min(watch, silence)));
}

/** Whether the file is not written during this many milliseconds. */
async function isStill(path: string, found: string, milliseconds: number): Promise<boolean> {
  const written = async () => (await stat(path).catch(() => undefined))?.mtimeMs;
  const [before, start] = [await written(), performance.now()];
  while (performance.now() - start < milliseconds) {
    await sleep(Math.min(100, milliseconds));
    if ((await written()) !== before || (await read(path)) !== found) return false;
  }
  return true;
}

/** Creates the file with its content in one step; false if it exists. */
async function create(path: string, content: string): Promise<boolean> {
  try {
    await writeWhole(path, content, link);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A network share may report that the name is taken if its first response was lost.
    if (code === "EEXIST") return (await read(path)) === content;
    // The owner of the lock cleans up its folder, including our temporary file.
    if (code === "ENOENT" && (await stat(dirname(path)).catch(() => undefined))) return false;
    if (code !== undefined && linkless.has(code)) return createLinkless(path, content);
    throw fileError(path, "write", error);
  }
}

/** Errors by which file systems report that they have no hard links. */
const linkless = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL", "EMLINK"]);

async function createLinkless(path: string, content: string): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    await file.writeFile(content).finally(() => file.close());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw fileError(path, "write", error);
  }
}

async function writeWhole(path: string, content: string, put: (from: string, to: string) => Promise<void>) {
  const temporary = temporaryBeside(path);
  try {
    const file = await open(temporary, "wx");
    await file.writeFile(content).finally(() => file.close());
    await put(temporary, path);
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

/** Undefined if there is no such file. */
async function read(path: string): Promise<string | undefined> {
  return readText(path, 1 << 16).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw fileError(path, "read the lock", error);
  });
}

/** Milliseconds since the file was written, by the clock of its disk; Infinity if it is gone. */
async function age(path: string): Promise<number> {
  const probe = temporaryBeside(path);
  try {
    await (await open(probe, "wx")).close();
    return (await stat(probe)).mtimeMs - (await stat(path)).mtimeMs;
  } catch {
    return Number.POSITIVE_INFINITY;
  } finally {
    await rm(probe, { force: true }).catch(() => undefined);
  }
}

function ownerIn(text: string): ProcessIdentity | undefined {
  // None while it is being written, or if its process was killed while writing.
  const { pid, host, began = 0, numbering, started }: Partial<ProcessIdentity> = asObject(tryJson(text)) ?? {};
  if (!Number.isInteger(pid) || typeof host !== "string" || typeof began !== "number") return undefined;
  const seen = typeof numbering === "string" && typeof started === "string" ? { numbering, started } : {};
  return { pid: pid!, host, began, ...seen };
}
