/**
 * A lock on files that outlives no process: taken over when its owner is gone, on this machine or another.
 *
 * The lock is a file with its owner's name in it, made with its content in one step. Nothing ever changes hands by
 * removing it: whoever wants to replace or remove a lock with the content C first makes the file `.LOCK.<hash of C>.right`,
 * which only one can, and then looks whether the lock still holds C. So of all that found one lock abandoned a single
 * one replaces it, by one rename, and an owner's own release cannot hit the lock of a successor. Who dies with that
 * right in hand leaves it behind as an abandoned lock on the right, which is taken over in the same way.
 *
 * An owner that can be seen from here is judged by the system (process-identity.ts). Of others the sign of life counts,
 * which they give by writing the file again. One that was silent for too long and comes back finds a foreign lock and
 * hears of it.
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
  /** The error for a lock that another process holds; undefined where it does not say which. */
  readonly held: (owner: ProcessIdentity | undefined) => Error;
  /** The error for a lock that another process has taken over. */
  readonly lost?: (owner: ProcessIdentity | undefined) => Error;
  /** Milliseconds between signs of life. */
  readonly beat?: number;
  /** Where nothing is seen of the owner but its signs of life: milliseconds without one, after which it is gone. */
  readonly silence?: number;
}

export interface Lock {
  /** Aborts when another process has taken the lock over; its reason is the error. */
  readonly lost: AbortSignal;
  /** Throws when another process has taken the lock over. To be asked before what must not be written twice. */
  confirm(): Promise<void>;
  /** Removes the lock, if it is still one's own. */
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
    await sleep(20); // another process is at it
  }
  throw held(undefined);
}

/** Takes the lock as soon as nobody has it. `onWaiting` hears once whose it is. */
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
  return Date.now() - mtimeMs < silence; // clocks of two machines may differ: good enough to look at
}

function hold(path: string, mine: string, { lost = defaultLost(path), beat = usualBeat }: LockOptions): Lock {
  const controller = new AbortController();
  const check = async (): Promise<void> => {
    if (controller.signal.aborted) return;
    const found = await sign(path, mine);
    if (found === mine) return;
    // Removed by hand it is taken again, if nobody was faster.
    if (found === undefined && (await create(path, mine))) return;
    clearInterval(timer);
    controller.abort(lost(ownerIn(found ?? (await read(path)) ?? "")));
  };
  // A disk that does not answer now may do so at the next beat.
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
      await replace(path, mine, undefined, usualSilence).catch(() => undefined); // it stays, and its process will be gone
    },
  };
}

const defaultLost = (path: string) => () =>
  fileError(path, "keep the lock", new Error("another process has taken it over"));

/**
 * Writes the file again as a sign of life, if it is one's own, and answers with what it holds. Written rather than
 * touched: its time is then that of the disk's machine. Through one handle: what has been renamed over it since stays
 * as it is.
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

/** Replaces the lock that holds `found`, or removes it; false when others do so, or it has become another. */
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
 * Whether the owner of the lock is gone. A silence is looked at twice, the second time for `watch` milliseconds by a
 * clock that no one sets: the disk's may have been put forward since the last sign of life.
 */
async function isAbandoned(path: string, found: string, silence: number, watch: number): Promise<boolean> {
  const owner = ownerIn(found);
  if (!owner) return isStill(path, found, Math.min(writing, silence));
  const life = lifeOf(owner);
  if (life === "alive" || life === "gone") return life === "gone";
  return (await age(path)) > silence && (await isStill(path, found, Math.min(watch, silence)));
}

/** Whether the file is not written for so many milliseconds. */
async function isStill(path: string, found: string, milliseconds: number): Promise<boolean> {
  const written = async () => (await stat(path).catch(() => undefined))?.mtimeMs;
  const [before, start] = [await written(), performance.now()];
  while (performance.now() - start < milliseconds) {
    await sleep(Math.min(100, milliseconds));
    if ((await written()) !== before || (await read(path)) !== found) return false;
  }
  return true;
}

/** Makes the file with its content in one step; false when it is there. */
async function create(path: string, content: string): Promise<boolean> {
  try {
    await writeWhole(path, content, link);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A share may report that the name is taken when its own answer to us got lost.
    if (code === "EEXIST") return (await read(path)) === content;
    // The owner of the lock cleans its folder, of our temporary file too.
    if (code === "ENOENT" && (await stat(dirname(path)).catch(() => undefined))) return false;
    if (code !== undefined && linkless.has(code)) return createLinkless(path, content);
    throw fileError(path, "write", error);
  }
}

/** How file systems say that they have no hard links. */
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

/** Undefined when there is no such file. */
async function read(path: string): Promise<string | undefined> {
  return readText(path, 1 << 16).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw fileError(path, "read the lock", error);
  });
}

/** Milliseconds since the file was written, by the clock of its disk; endless when it is gone. */
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
  // None while it is being written, or where its process was killed meanwhile.
  const { pid, host, began = 0, numbering, started }: Partial<ProcessIdentity> = asObject(tryJson(text)) ?? {};
  if (!Number.isInteger(pid) || typeof host !== "string" || typeof began !== "number") return undefined;
  const seen = typeof numbering === "string" && typeof started === "string" ? { numbering, started } : {};
  return { pid: pid!, host, began, ...seen };
}
