/** A run's folder: recipe, manifest, log and checkpoints; only one process at a time writes to it. */
import { appendFile, readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { TrainingError, UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { sentence, setting, way } from "../../errors/sentence.js";
import { removeLeftovers, writeFileAtomic } from "../../system/files/atomic-file.js";
import { takeLock } from "../../system/files/lock-file.js";
import { makeFolder } from "../../system/files/make-folder.js";
import { lifeOf, namedProcess, type ProcessIdentity } from "../../system/files/process-identity.js";
import { openRegular } from "../../system/files/regular-file.js";
import type { LogEntry } from "./log-schema.js";
import { type Change, changesOf, describeRun, type RunDescription, runFiles } from "./manifest.js";

export interface RunFolder {
  readonly path: string;
  /** The run's description before this process opened it; undefined for a new one. */
  readonly before?: RunDescription;
  /** Settings that have changed since. */
  readonly changes: Readonly<Record<string, Change>>;
  /** Path of a file in it. */
  file(name: string): string;
  /** Appends one line of JSON to the log, with the time. */
  log(entry: LogEntry): Promise<void>;
  /** Reverts changed settings, so that the run can continue as before. */
  undo(): Promise<void>;
  /** Throws if another process has taken the folder over, as it may if this one's lock showed no sign of life. */
  confirm(): Promise<void>;
  /** Aborts when that is detected. */
  readonly lost?: AbortSignal;
  /** Releases it to other processes. */
  close(): Promise<void>;
}

/**
 * Creates the folder and locks it. Throws if it contains weights of another run, unless `resume`; then its settings
 * must be the same, except for those in `allowed`.
 */
export async function openRunFolder(
  path: string,
  run: RunDescription,
  resume: boolean,
  allowed: readonly string[] = [],
): Promise<RunFolder> {
  await makeFolder(path, "the run folder");
  const lock = await takeLock(join(path, "lock"), {
    held: (owner) => lockedFolder(path, owner),
    lost: (owner) =>
      new TrainingError(
        `${namedProcess(owner)} has taken over the run folder "${path}", because this process was inactive for two minutes; it stops here and leaves the folder to the other.`,
      ),
  });
  const log = join(path, "log.jsonl");
  try {
    // A run that saved nothing, such as one whose batch did not fit, may be overwritten.
    const before = resume || (await holdsWeights(path)) ? await describeRun(path) : undefined;
    if (before && !resume) {
      throw new UsageError(
        sentence`"${path}" holds a run already; choose another ${setting("output")}${way`, or continue it with ${setting("resume")}`}.`,
      );
    }
    const changes = before ? changesOf(path, before, run, allowed) : {};
    await removeLeftovers(path);
    await removeTornLine(log);
    const manifest = before
      ? { ...run.manifest, began: before.manifest.began, deit: before.manifest.deit }
      : run.manifest;
    const describe = async ({ manifest, recipe }: RunDescription) => {
      // The recipe last: if it exists, a run was started and its manifest exists too.
      await writeFileAtomic(join(path, runFiles.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
      await writeFileAtomic(join(path, runFiles.recipe), `${JSON.stringify(recipe, null, 2)}\n`);
    };
    await describe({ manifest, recipe: run.recipe });
    return {
      path,
      before,
      changes,
      file: (name) => join(path, name),
      log: async (entry) => {
        await lock.confirm();
        await appendFile(log, `${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`).catch((error) => {
          throw fileError(log, "write", error);
        });
      },
      undo: async () => before && describe(before),
      confirm: lock.confirm,
      lost: lock.lost,
      close: lock.release,
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function lockedFolder(path: string, owner: ProcessIdentity | undefined): TrainingError {
  if (!owner) return new TrainingError(`The run folder "${path}" cannot be locked; another process is starting in it.`);
  const wayOut =
    lifeOf(owner) === "alive"
      ? sentence`stop it, or choose another ${setting("output")}`
      : sentence`stop it, or choose another ${setting("output")}; if it is gone, its lock is taken over two minutes after it was last active`;
  return new TrainingError(sentence`${namedProcess(owner)} is writing in the run folder "${path}"; ${wayOut}.`);
}

async function holdsWeights(path: string): Promise<boolean> {
  return (await readdir(path)).some((name) => extname(name) === ".safetensors");
}

/** The run folder of a process that leaves writing to another one. */
export function silentRunFolder(path: string): RunFolder {
  return {
    path,
    changes: {},
    file: (name) => join(path, name),
    log: async () => undefined,
    undo: async () => undefined,
    confirm: async () => undefined,
    close: async () => undefined,
  };
}

/** Removes a last line left incomplete by a killed process or a full disk. */
async function removeTornLine(path: string): Promise<void> {
  const file = await openRegular(path, "change").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw fileError(path, "write", error);
  });
  if (!file) return;
  try {
    const newline = 10;
    let { size } = await file.stat();
    const block = Buffer.alloc(65_536);
    while (size > 0) {
      const from = Math.max(0, size - block.length);
      const { bytesRead } = await file.read(block, 0, size - from, from);
      const at = block.subarray(0, bytesRead).lastIndexOf(newline);
      if (at >= 0) {
        size = from + at + 1;
        break;
      }
      size = from;
    }
    await file.truncate(size);
  } finally {
    await file.close();
  }
}
