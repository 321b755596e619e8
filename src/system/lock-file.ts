/** A lock on a folder that outlives no process: taken over when its owner is gone, on this machine or another. */
import { open, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileError } from "./atomic-file.js";

export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** When its process began, in milliseconds: in a container started anew, another process may have its number. */
  readonly began: number;
}

export interface LockOptions {
  /** The error for a lock that another process holds. */
  readonly held: (owner: LockOwner | undefined) => Error;
  /** Milliseconds between signs of life. */
  readonly beat?: number;
  /** A lock of another machine that gave no sign of life for so many milliseconds is taken over. */
  readonly silence?: number;
}

const attempts = 30;
const patience = 120_000;

/** Takes the lock file `path` and answers with its release. Throws `held` when another process has it. */
export async function takeLock(path: string, options: LockOptions): Promise<() => Promise<void>> {
  const { held, beat = 15_000, silence = patience } = options;
  const me = thisProcess();
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (await create(path, me)) {
      // Written anew rather than touched: the file's time is then that of the disk's machine, not of this one.
      const timer = setInterval(() => void write(path, "r+", me).catch(() => undefined), beat);
      timer.unref();
      return async () => {
        clearInterval(timer);
        await rm(path, { force: true }).catch(() => undefined); // on a broken disk it stays, and its process will be gone
      };
    }
    const owner = parseOwner(await readFile(path, "utf8").catch(() => ""));
    if (!owner && (await age(path)) < 5000) {
      await sleep(200); // a file without an owner may be one that is being written this moment
      continue;
    }
    if (owner && !(await isGone(path, owner, me, silence))) throw held(owner);
    await rm(path, { force: true });
  }
  throw held(undefined);
}

const thisProcess = (): LockOwner => ({
  pid: process.pid,
  host: hostname(),
  began: Math.round(performance.timeOrigin),
});

/** Whether a process holds the lock file `path`. Nothing is written. */
export async function isLocked(path: string, silence = patience): Promise<boolean> {
  const owner = parseOwner(await readFile(path, "utf8").catch(() => ""));
  if (!owner) return false;
  const me = thisProcess();
  if (owner.host === me.host) return isAlive(owner, me);
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
  return Date.now() - mtimeMs < silence;
}

async function isGone(path: string, owner: LockOwner, me: LockOwner, silence: number): Promise<boolean> {
  return owner.host === me.host ? !isAlive(owner, me) : (await age(path)) > silence;
}

async function create(path: string, owner: LockOwner): Promise<boolean> {
  try {
    await write(path, "wx", owner);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw fileError(path, "write", error);
  }
}

async function write(path: string, flags: "wx" | "r+", owner: LockOwner): Promise<void> {
  const file = await open(path, flags);
  await file.writeFile(JSON.stringify(owner)).finally(() => file.close());
}

/** Milliseconds since the file was written, by the clock of its disk; endless when it is gone. */
async function age(path: string): Promise<number> {
  const probe = `${path}.${process.pid}`;
  try {
    await (await open(probe, "w")).close();
    return (await stat(probe)).mtimeMs - (await stat(path)).mtimeMs;
  } catch {
    return Number.POSITIVE_INFINITY;
  } finally {
    await rm(probe, { force: true }).catch(() => undefined);
  }
}

function parseOwner(text: string): LockOwner | undefined {
  try {
    const { pid, host, began = 0 } = JSON.parse(text) as Partial<LockOwner>;
    return Number.isInteger(pid) && typeof host === "string" ? { pid: pid!, host, began } : undefined;
  } catch {
    return undefined; // a process was killed while it wrote the file
  }
}

function isAlive({ pid, began }: LockOwner, me: LockOwner): boolean {
  if (pid === me.pid) return began === me.began;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
