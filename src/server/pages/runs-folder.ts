/** The runs below a folder, by names for addresses, and when they change. */
import { stat } from "node:fs/promises";
import { basename, join, relative, resolve, sep } from "node:path";
import { messageOf } from "../../errors/message-of.js";
import { findRuns, type RunSummary, summarizeRun } from "../../training/run-folder/summary.js";
import { Problem } from "../problem.js";

/** A run, or why it cannot be read. */
export type FoundRun =
  | { readonly name: string; readonly folder: string; readonly run: RunSummary; readonly hasReport: boolean }
  | { readonly name: string; readonly folder: string; readonly problem: string };

/** Milliseconds between looks at the files while somebody watches. */
const pause = 1000;

export class RunsFolder {
  readonly #listeners = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(readonly root: string) {}

  /** All runs, those still running first, then the most recent. */
  async all(): Promise<readonly FoundRun[]> {
    const runs = await Promise.all([...(await this.#folders())].map(([name, folder]) => read(name, folder)));
    return runs.sort((a, b) => order(a) - order(b));
  }

  /** The runs of these names, in this order. Throws Problem for one that is not there. */
  async named(names: readonly string[]): Promise<readonly FoundRun[]> {
    // Only folders that the search has found are opened, whatever a name says.
    const folders = await this.#folders();
    return Promise.all(
      names.map((name) => {
        const folder = folders.get(name);
        if (folder === undefined) throw new Problem(404, `There is no run ${JSON.stringify(name)}; /runs lists all.`);
        return read(name, folder);
      }),
    );
  }

  /** Calls `listener` after each change of any run, until the signal is aborted. */
  watch(listener: () => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    this.#timer ??= this.#look(undefined);
    signal.addEventListener("abort", () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    });
  }

  #look(before: string | undefined): NodeJS.Timeout {
    return setTimeout(async () => {
      const now = await this.#state().catch(() => before);
      if (before !== undefined && now !== before) for (const listener of this.#listeners) listener();
      if (this.#timer !== undefined) this.#timer = this.#look(now);
    }, pause).unref();
  }

  /** A text that differs after any change. */
  async #state(): Promise<string> {
    const files = [...(await this.#folders()).values()].flatMap((folder) =>
      ["log.jsonl", "report.html", "lock"].map((name) => join(folder, name)),
    );
    const states = files.map(async (path) => {
      const found = await stat(path).catch(() => undefined);
      return `${path} ${found?.size} ${found?.mtimeMs}`;
    });
    return (await Promise.all(states)).join("\n");
  }

  async #folders(): Promise<ReadonlyMap<string, string>> {
    const folders = await findRuns(this.root);
    return new Map(folders.map((folder) => [nameOf(this.root, folder), folder]));
  }
}

const nameOf = (root: string, folder: string): string =>
  relative(root, folder).split(sep).join("/") || basename(resolve(root));

async function read(name: string, folder: string): Promise<FoundRun> {
  try {
    const hasReport = (await stat(join(folder, "report.html")).catch(() => undefined))?.isFile() ?? false;
    return { name, folder, run: await summarizeRun(folder), hasReport };
  } catch (error) {
    return { name, folder, problem: messageOf(error) };
  }
}

function order(found: FoundRun): number {
  if ("problem" in found) return Number.POSITIVE_INFINITY;
  return (found.run.state === "running" ? -1e15 : 0) - found.run.lastSign.getTime();
}
