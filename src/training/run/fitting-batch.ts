/** Batches that fit into memory: into how many runs of the program a step has to be divided. */

import { leads, type ProcessGroup } from "../../cluster/process-group.js";
import type { CompileOptions, Engine } from "../../engines/engine.js";
import { OutOfMemoryError, UsageError } from "../../errors/errors.js";
import { sentence, setting } from "../../errors/sentence.js";
import type { Program } from "../../tensor/index.js";
import type { Recipe } from "../recipe/recipe.js";

export interface FittingSearch {
  readonly engine: Engine;
  readonly precision?: CompileOptions["precision"];
  /** Images per optimizer step, which do not change. */
  readonly batchSize: number;
  /** The step program with the batch divided into this many runs, which may keep less for the backward pass. */
  readonly program: (accumulate: number, gradCheckpointing?: boolean) => Program;
  /** Minimum number of runs (default: 1). */
  readonly least?: number;
  /** Whether memory currently in use counts as available. */
  readonly alone?: boolean;
}

/** Share of the memory that a run may use: the rest is for evaluation, data and other processes. */
const fill = 0.9;

/**
 * The smallest number of equal runs in which the batch fits into memory; undefined if there is none or the engine does
 * not report memory. Memory grows linearly with the images of a run, so two small programs show where to search.
 */
export async function fittingRuns(search: FittingSearch): Promise<number | undefined> {
  const { engine, precision, batchSize, program, least = 1, alone = false } = search;
  const { devices } = engine.info;
  const choices = Array.from({ length: batchSize }, (_, i) => i + 1).filter(
    (runs) => runs >= least && batchSize % runs === 0 && (batchSize / runs) % devices === 0,
  );
  const need = async (runs: number) => {
    const told = await engine.memoryNeed(program(runs), { precision });
    return told && { needed: told.needed, budget: fill * (alone ? told.limit : told.free) };
  };
  const smallest = choices.at(-1);
  if (smallest === undefined) return undefined;
  const first = await need(smallest);
  if (!first || first.needed > first.budget) return undefined;
  const next = choices.at(-2);
  const second = next === undefined ? undefined : await need(next);
  if (next === undefined || !second) return smallest;
  const [size1, size2] = [batchSize / smallest, batchSize / next];
  const perImage = (second.needed - first.needed) / (size2 - size1);
  const expected = (runs: number) => first.needed + perImage * (batchSize / runs - size1);
  for (const runs of choices) {
    if (expected(runs) > first.budget) continue;
    const told = await need(runs);
    if (told && told.needed <= told.budget) return runs;
  }
  return smallest;
}

/**
 * The recipe with its batch divided into the fewest runs that fit on all devices; if none does, with `gradCheckpointing`. Throws
 * UsageError if none does then either.
 */
export async function withFittingBatch(recipe: Recipe, search: FittingSearch, group: ProcessGroup): Promise<Recipe> {
  const all = await group.gather("runs of a step", (await fittingRuns(search)) ?? 0);
  if (!all.includes(0)) return { ...recipe, accumulate: Math.max(...all) };
  if (!recipe.gradCheckpointing) {
    const program = (accumulate: number) => search.program(accumulate, true);
    const less = await group.gather("runs that keep less", (await fittingRuns({ ...search, program })) ?? 0);
    if (!less.includes(0)) return { ...recipe, accumulate: Math.max(...less), gradCheckpointing: true };
  }
  throw new UsageError(
    sentence`${setting("batchSize", "auto")} found no fraction of the batch of ${recipe.batchSize} that fits into memory${leads(group) ? "" : " of every process"}; choose a smaller model, resolution or ${setting("batchSize")}.`,
  );
}

/** The error, with the batch size that would fit, if any. */
export async function namingFittingBatch(error: OutOfMemoryError, search: FittingSearch): Promise<OutOfMemoryError> {
  const runs = await fittingRuns({ ...search, alone: true }).catch(() => undefined);
  if (runs === undefined) return error;
  const { batchSize } = search;
  return new OutOfMemoryError(
    sentence`${error.found} Runs of ${batchSize / runs} images fit: ${setting("accumulate", runs)} does the same step of ${batchSize} in ${runs} of them, and ${setting("batchSize", "auto")} finds this automatically.`,
    { cause: error },
  );
}
