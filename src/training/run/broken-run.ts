/** Handles losses, gradients or teacher outputs that are not finite: a diagnosis, and where the run continues. */

import { leads, type ProcessGroup } from "../../cluster/process-group.js";
import type { Dataset } from "../../data/dataset/dataset.js";
import type { DeviceState, Engine } from "../../engines/engine.js";
import { type Message, sentence, setting } from "../../errors/sentence.js";
import { requireFreeSpace, writeFileAtomic } from "../../system/files/atomic-file.js";
import { hostTensor, type NamedTensors, zeros } from "../../tensor/index.js";
import type { Recipe } from "../recipe/recipe.js";
import { teachersOf } from "../recipe/teachers.js";
import type { RunFolder } from "../run-folder/folder.js";
import type { Position } from "../run-folder/position.js";
import { diagnose } from "../step/diagnose.js";
import { haltedState } from "../step/step.js";
import { brokenTeacherSentence } from "../teacher/finite-answers.js";
import type { SavedState } from "./checkpoint.js";
import { type BrokenRun, rollbackFactor } from "./epoch.js";
import type { StepPrograms } from "./step-programs.js";

/** `stop` with the run saved; `skip`: continues without the batch; `rollback`: see `rollBack`. */
export type OnNaN = "stop" | "skip" | "rollback";

/** Maximum returns to an earlier state within one epoch; after these training stops anyway. */
export const mostRollbacks = 3;

export interface BrokenContext {
  readonly engine: Engine;
  readonly state: DeviceState;
  readonly programs: StepPrograms;
  readonly folder: RunFolder;
  readonly dataset: Dataset;
  readonly recipe: Recipe;
  /** Each of several processes records its own share of the batch. */
  readonly group: ProcessGroup;
}

/**
 * Finds the first tensor that is not finite, and records it with the batch's samples: in the log, and with their names
 * in a file. The state on the device may change again afterwards. Returns the sentence for the user.
 */
export async function recordBroken(
  context: BrokenContext,
  run: BrokenRun,
  { epoch }: Position,
  onNaN: OnNaN,
): Promise<Message> {
  const { engine, state, programs, folder, dataset, recipe, group } = context;
  const { what, loss, gradientNorm, lr, batch } = run;
  const first =
    what === "teacher"
      ? "the teacher's answers"
      : await diagnose(engine, programs.step(batch.size), state, run.data).catch((error: unknown) => String(error));
  await state.write(new Map([[haltedState, hostTensor("float32", [], Float32Array.of(0))]]));
  const found = { what, loss, gradientNorm, lr, epoch: epoch + 1, step: run.step, run: batch.step, first, onNaN };
  const samples = [...batch.indices];
  const diagnosis = `broken-step-${run.step}${leads(group) ? "" : `.rank-${group.index}`}.json`;
  const named = samples.map((index) => ({ index, name: dataset.describe(index), label: dataset.label(index) }));
  const text = `${JSON.stringify({ ...found, samples: named }, null, 2)}\n`;
  await requireFreeSpace(folder.path, text.length, "a diagnosis");
  await writeFileAtomic(folder.file(diagnosis), text);
  await folder.log({ kind: "broken", ...found, samples, diagnosis });
  if (what === "teacher") {
    const teacher = teachersOf(recipe)[run.unanswered?.teacher ?? 0];
    return brokenTeacherSentence(teacher?.recipe.teacherWeights, brokenImage(dataset, run));
  }
  return sentence`The ${what} became infinite or NaN at step ${run.step} (epoch ${epoch + 1}; first: ${first}); the weights were not updated. Lower ${setting("lr")} (now ${recipe.lr}) or set ${setting("clipGradient", 1)}; diagnosis and samples are in "${folder.file(diagnosis)}".`;
}

/** Name of the first image with broken teacher outputs; undefined for an image of a different process. */
function brokenImage(dataset: Dataset, { batch, unanswered }: BrokenRun): string | undefined {
  const index = batch.indices[(unanswered?.row ?? 0) - batch.first];
  return index === undefined ? undefined : dataset.describe(index);
}

/**
 * Returns to the newest saved state (or the first), from which the broken step is skipped and the rate is halved until
 * the epoch's end, once more for each return.
 */
export async function rollBack(
  { state, folder, recipe }: BrokenContext,
  run: BrokenRun,
  reached: Position,
  saved: SavedState,
): Promise<Position> {
  const rollbacks = reached.rollbacks + 1;
  const { position } = saved;
  const passed = Math.floor(run.batch.step / recipe.accumulate);
  // A skipped step contributes nothing to the next one, even if its first runs were done before the save.
  const begun = position.runs % recipe.accumulate !== 0 && Math.floor(position.runs / recipe.accumulate) === passed;
  await state.write(begun ? withoutSums(saved.state) : saved.state);
  await folder.log({
    ...{ kind: "rollback", epoch: position.epoch, step: position.step, runs: position.runs },
    ...{ attempt: rollbacks, rateFactor: rollbackFactor(rollbacks) },
  });
  return { ...position, rollbacks, passOver: [...reached.passOver, passed] };
}

function withoutSums(state: NamedTensors): NamedTensors {
  return new Map([...state].map(([name, t]) => [name, name.startsWith("accumulated.") ? zeros(t.dtype, t.shape) : t]));
}
