/** A run according to its folder: what it is, how far it got, whether it is still running. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { scoreOf } from "../../evaluation/eval-metric.js";
import { isLocked } from "../../system/files/lock-file.js";
import { type LogLine, readLog } from "./log-schema.js";
import { describeRun, type RunDescription } from "./manifest.js";
import { metricOf } from "./ranking.js";

export type EpochLine = Extract<LogLine, { kind: "epoch" }>;
export type EnvironmentLine = Extract<LogLine, { kind: "environment" }>;

export interface RunSummary extends RunDescription {
  readonly folder: string;
  readonly state: "running" | "finished" | "stopped";
  readonly log: readonly LogLine[];
  /** A line for each epoch; epoch 0 is a head fitted before the first one. */
  readonly epochs: readonly EpochLine[];
  /** Number of epochs trained. */
  readonly done: number;
  /** The epoch with the best weights; the last one without evaluation. */
  readonly best?: EpochLine;
  /** Result of the best weights on the test part, if they were chosen on the validation part. */
  readonly final?: EpochLine["test"];
  readonly environment?: EnvironmentLine;
  /** Time of the last line of the log; of the start if there is none. */
  readonly lastSign: Date;
  /** Seconds spent in epochs that count. */
  readonly seconds: number;
}

/** Reads the run in `folder`; throws UsageError if there is none. */
export async function summarizeRun(folder: string): Promise<RunSummary> {
  const run = await describeRun(folder);
  if (!run) throw new UsageError(`"${folder}" holds no run; give a folder that deit train wrote.`);
  const log: LogLine[] = await readLog(join(folder, "log.jsonl")).catch((error: unknown) => {
    if (isMissing(error)) return []; // started, but nothing written yet
    throw error;
  });
  const epochs = log.filter((line) => line.kind === "epoch");
  const finished = log.at(-1)?.kind === "finished";
  const running = !finished && (await isLocked(join(folder, "lock")));
  const metric = metricOf(run.recipe);
  const best = epochs.reduce<EpochLine | undefined>(
    (a, b) =>
      a?.test && (b.test ? scoreOf(read(b.test), metric) : -Infinity) <= scoreOf(read(a.test), metric) ? a : b,
    undefined,
  );
  return {
    ...run,
    folder,
    state: finished ? "finished" : running ? "running" : "stopped",
    log,
    epochs,
    done: epochs.at(-1)?.epoch ?? 0,
    best,
    final: log.findLast((line) => line.kind === "finished")?.test,
    environment: log.findLast((line) => line.kind === "environment"),
    lastSign: new Date(log.at(-1)?.time ?? run.manifest.began),
    seconds: epochs.reduce((sum, e) => sum + e.seconds, 0),
  };
}

/** A result as it was before JSON, which has no infinite loss. */
const read = ({ loss, ...rest }: NonNullable<EpochLine["test"]>) => ({ ...rest, loss: loss ?? Infinity });

const isMissing = (error: unknown): boolean =>
  ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";

/** Maximum depth of the search for run folders. */
const deepest = 3;

/** Run folders at and below `root`, ordered by name; folders inside a run are not runs. */
export async function findRuns(root: string): Promise<string[]> {
  if (!(await stat(root).catch((error) => Promise.reject(fileError(root, "read the runs in", error)))).isDirectory())
    throw new UsageError(`"${root}" is a file; give the folder that holds the runs.`);
  const search = async (folder: string, depth: number): Promise<string[]> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    if (entries.some((e) => e.name === "recipe.json") && entries.some((e) => e.name === "run.json")) return [folder];
    if (depth === deepest) return [];
    const folders = entries.filter((e) => e.isDirectory()).map((e) => join(folder, e.name));
    return (await Promise.all(folders.sort().map((f) => search(f, depth + 1)))).flat();
  };
  return search(root, 0);
}
