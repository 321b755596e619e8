/** A run's folder: resolved recipe, log and checkpoints. */
import { appendFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../errors.js";
import { fileError, writeFileAtomic } from "../system/atomic-file.js";

export interface RunFolder {
  readonly path: string;
  /** Path of a file in it. */
  file(name: string): string;
  /** Appends one line of JSON to the log, with the time. */
  log(entry: Readonly<Record<string, unknown>>): Promise<void>;
}

/** Creates the folder; one that holds another run already is refused unless `resume`. */
export async function openRunFolder(path: string, recipe: unknown, resume: boolean): Promise<RunFolder> {
  await mkdir(path, { recursive: true }).catch((error) => {
    throw fileError(path, "create the run folder", error);
  });
  const recipeFile = join(path, "recipe.json");
  const text = `${JSON.stringify(recipe, null, 2)}\n`;
  const known = await readFile(recipeFile, "utf8").catch(() => undefined);
  if (known !== undefined && !resume) {
    throw new UsageError(`"${path}" holds a run already; choose another --output, or go on with it by --resume.`);
  }
  if (known === undefined) await writeFileAtomic(recipeFile, text);
  else if (known !== text) {
    throw new UsageError(
      `The recipe differs from that of the run in "${path}" (see its recipe.json); resume with the same settings, or start a new run.`,
    );
  }
  const log = join(path, "log.jsonl");
  return {
    path,
    file: (name) => join(path, name),
    log: (entry) =>
      appendFile(log, `${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`).catch((error) => {
        throw fileError(log, "write", error);
      }),
  };
}
