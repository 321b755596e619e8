/** A run's folder: resolved recipe, environment, log and checkpoints; one process at a time writes in it. */
import { appendFile, mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TrainingError, UsageError } from "../errors.js";
import { fileError, writeFileAtomic } from "../system/atomic-file.js";
import { recipeDifferences } from "./recipe.js";

export interface RunFolder {
  readonly path: string;
  /** Path of a file in it. */
  file(name: string): string;
  /** Appends one line of JSON to the log, with the time. */
  log(entry: Readonly<Record<string, unknown>>): Promise<void>;
  /** Lets other processes write in it. */
  close(): Promise<void>;
}

/**
 * Creates the folder and locks it. One that holds another run is refused, unless `resume`; then its recipe must be the
 * same, except for the settings in `allowed`.
 */
export async function openRunFolder(
  path: string,
  recipe: Readonly<Record<string, unknown>>,
  resume: boolean,
  allowed: readonly string[] = [],
): Promise<RunFolder> {
  await mkdir(path, { recursive: true }).catch((error) => {
    throw fileError(path, "create the run folder", error);
  });
  const unlock = await lock(path);
  try {
    const recipeFile = join(path, "recipe.json");
    const known = await readFile(recipeFile, "utf8").catch(() => undefined);
    if (known !== undefined && !resume) {
      throw new UsageError(`"${path}" holds a run already; choose another --output, or go on with it by --resume.`);
    }
    if (known !== undefined) refuseChanges(path, known, recipe, allowed);
    await writeFileAtomic(recipeFile, `${JSON.stringify(recipe, null, 2)}\n`);
  } catch (error) {
    await unlock();
    throw error;
  }
  const log = join(path, "log.jsonl");
  return {
    path,
    file: (name) => join(path, name),
    log: (entry) =>
      appendFile(log, `${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`).catch((error) => {
        throw fileError(log, "write", error);
      }),
    close: unlock,
  };
}

function refuseChanges(
  path: string,
  known: string,
  recipe: Readonly<Record<string, unknown>>,
  allowed: readonly string[],
): void {
  let before: Record<string, unknown>;
  try {
    before = JSON.parse(known) as Record<string, unknown>;
  } catch {
    throw new UsageError(`"${join(path, "recipe.json")}" is damaged, so the run cannot go on; start a new run.`);
  }
  // Through JSON, as the saved one: settings that are undefined are left out.
  const now = JSON.parse(JSON.stringify(recipe)) as Record<string, unknown>;
  const changed = recipeDifferences(before, now).filter((d) => !allowed.includes(d.key));
  if (changed.length === 0) return;
  const list = changed.map((d) => `${d.key} was ${JSON.stringify(d.a)} and is ${JSON.stringify(d.b)}`).join("; ");
  throw new UsageError(
    `The recipe differs from that of the run in "${path}": ${list}. Resume with the same settings, or start a new run.`,
  );
}

interface Owner {
  readonly pid: number;
  readonly host: string;
}

/** Takes the lock file; that of a process of this machine that is no longer there is taken over. */
async function lock(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, "lock");
  const mine = JSON.stringify({ pid: process.pid, host: hostname() } satisfies Owner);
  for (let attempt = 0; attempt < 30; attempt++) {
    try {
      const file = await open(path, "wx");
      await file.writeFile(mine).finally(() => file.close());
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw fileError(path, "write", error);
    }
    const owner = parseOwner(await readFile(path, "utf8").catch(() => ""));
    // A file without an owner may be one that is being written this moment.
    const fresh = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs < 5000,
      () => false,
    );
    if (!owner && fresh) {
      await sleep(200);
      continue;
    }
    if (owner && (owner.host !== hostname() || isAlive(owner.pid))) {
      throw new TrainingError(
        `Process ${owner.pid} on ${owner.host} is writing in the run folder "${folder}"; stop it, choose another --output, or remove "${path}" if that process is gone.`,
      );
    }
    await rm(path, { force: true });
  }
  throw new TrainingError(`The run folder "${folder}" cannot be locked; another process is starting in it.`);
}

function parseOwner(text: string): Owner | undefined {
  try {
    const { pid, host } = JSON.parse(text) as Partial<Owner>;
    return Number.isInteger(pid) && typeof host === "string" ? { pid: pid!, host } : undefined;
  } catch {
    return undefined; // a process was killed while it wrote the file
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
