/** Opens a run for its next step: its folder is open, its program compiled, its state on the device. */

import { alone, leads, type ProcessGroup } from "../../cluster/process-group.js";
import type { SplitRule } from "../../data/dataset/dataset.js";
import { writeTrainedOn } from "../../data/dataset/trained-on.js";
import { createLoader, type Loader } from "../../data/loading/loader.js";
import { NativeShapes } from "../../data/loading/native-batches.js";
import type { DeviceState, Engine } from "../../engines/engine.js";
import { TrainingError } from "../../errors/errors.js";
import type { Message } from "../../errors/sentence.js";
import { Classifier } from "../../evaluation/classifier.js";
import type { Model } from "../../models/model.js";
import type { Closing } from "../../system/closing.js";
import { turn } from "../../system/turn.js";
import { recordSplit, setAsideBy, trainingViews } from "../feed/training-data.js";
import type { StoredViews } from "../frozen/stored-views.js";
import { nativeSentence } from "../recipe/native.js";
import { sizeSentences } from "../recipe/size-schedule.js";
import { createEventFile } from "../run-folder/event-file.js";
import { type TrainEvent, warning } from "../run-folder/events.js";
import { openRunFolder, type RunFolder, silentRunFolder } from "../run-folder/folder.js";
import { beginning, type Position } from "../run-folder/position.js";
import type { Step } from "../step/step.js";
import { beginRun, requireFittable } from "./beginning.js";
import type { SavedState } from "./checkpoint.js";
import { Checkpointer } from "./checkpointer.js";
import type { FittedHead } from "./fitted-head.js";
import type { Plan } from "./plan.js";
import { stepOf } from "./recipe-step.js";
import {
  environment,
  fittingState,
  frozenTensors,
  manifestOf,
  otherEngine,
  requireSameMetric,
  requireSameOrder,
  requireSpaceForRun,
  stateOf,
} from "./run-start.js";
import { StepPrograms } from "./step-programs.js";
import { requireAlone, storedSentence, storedViewsOf } from "./stored-run.js";
import type { TrainOptions } from "./train-options.js";

export interface OpenRun extends Plan {
  readonly engine: Engine;
  readonly group: ProcessGroup;
  readonly folder: RunFolder;
  readonly loader: Loader;
  /** In native aspect, the shapes of the images that are measured after each epoch. */
  readonly shapes: NativeShapes;
  /** Stored features of the frozen part, if the recipe wants them. */
  readonly stored?: StoredViews;
  readonly step: Step;
  readonly programs: StepPrograms;
  readonly state: DeviceState;
  /** Classifies with the effective weights: the averages if there are any. */
  readonly classifier: Classifier;
  /** Prefix of the effective weights' names in the state. */
  readonly prefix: "" | "ema.";
  readonly checkpoints: Checkpointer;
  /** Information on the training images that is stored in the weights. */
  readonly trainedOn: string;
  /** Where the run continues. */
  readonly position: Position;
  /** Heads that were fitted when the run was started just now. */
  readonly fitted?: FittedHead;
  /** The newest saved state, or the one before the first step. */
  readonly lastState: () => Promise<SavedState>;
  readonly onEvent: (event: TrainEvent) => void;
  readonly warn: (message: Message) => void;
}

/** Opens it; `closing` collects what must be closed, also if this fails midway. `rule` is how the data was divided. */
export async function openRun(
  options: TrainOptions,
  plan: Plan,
  closing: Closing,
  rule: SplitRule | undefined,
): Promise<OpenRun> {
  const { engine, group = alone, resume = false } = options;
  const { dataset, found, foundTest, model, recipe, teaching } = plan;
  const begins = { ...recipe, finetune: options.finetune ?? recipe.finetune };
  requireFittable(begins, group.count);

  const manifest = manifestOf(options, plan, teaching.identity);
  const folder = leads(group)
    ? await openRunFolder(options.output, { recipe, manifest }, resume, options.allowChanges)
    : silentRunFolder(options.output);
  closing.add(() => folder.close());
  const curves = leads(group) ? createEventFile(folder.path) : undefined;
  const onEvent = (event: TrainEvent) => {
    options.onEvent?.(event);
    curves?.onEvent(event);
    if (event.kind === "warning") {
      const { sentence: _, ...line } = event; // the log holds the message alone
      void folder.log(line).catch(() => undefined);
    }
  };
  const warn = (message: Message) => onEvent(warning(message));
  closing.add(() => curves?.close().catch((error: Error) => warn(error.message)));

  if (recipe.frozenViews !== undefined) requireAlone(group);
  const views = trainingViews(dataset, recipe, model, { ...options, onEvent });
  const setAside = setAsideBy(rule, foundTest);
  if (leads(group)) await recordSplit(folder, setAside, found);
  await group.gather("run folder", true); // it exists from here on
  await folder.log({ kind: "environment", ...environment(engine.info) });
  const other = otherEngine(folder, manifest);
  if (other) warn(other);

  // One program does a whole step; its state stays on the device until the end.
  await turn();
  const build = (at: Model) => stepOf(recipe, at, teaching, plan);
  const sizes = views.transform.nativeSizes;
  const alternates = sizes !== undefined || recipe.sizeSchedule !== undefined;
  const programs = new StepPrograms({ engine, model, build, precision: options.precision, alternates });
  closing.add(() => programs.dispose());
  const step = programs.step();
  await turn();
  const keep = options.keepStates ?? 2;
  await requireSpaceForRun(folder, step, model, keep);
  // In native aspect the square has the most patches, as has the model's own size: what it needs is enough for the others.
  await programs.compiled(sizes?.[0]);
  for (const message of sizes ? [nativeSentence(sizes)] : sizeSentences(recipe, model)) warn(message);
  const names = [...step.state.keys()];
  const checkpoints = new Checkpointer({ folder, names, keep, onWarning: warn, readOnly: !leads(group) });
  let fitted: FittedHead | undefined;
  const lastState = async (check?: (position: Position) => void): Promise<SavedState> => {
    const saved = await checkpoints.load();
    if (saved) check?.(saved.position);
    if (saved) return fittingState(saved, step, folder);
    // Several processes stop together or not at all.
    const signal = group.count === 1 ? options.signal : undefined;
    // Not kept for another time: they would take as much memory as the parameters on the device.
    const begun = await beginRun({ ...options, model, dataset, recipe: begins, onEvent, signal });
    fitted = begun.fitted;
    return { state: stateOf(step, begun.parameters, recipe.seed), position: beginning };
  };
  const { state: tensors, position } = await lastState((at) => {
    requireSameOrder(folder, at, recipe);
    requireSameMetric(folder, at);
  }).catch(async (error) => {
    await folder.undo();
    throw error;
  });
  const state = await engine.createState(new Map([...tensors, ...frozenTensors(step, teaching)]));
  closing.add(() => state.dispose());
  const onDevice = { engine, precision: options.precision, state };
  const stored = await storedViewsOf({ recipe, model, dataset, views, folder: folder.path }, onDevice, tensors);
  closing.add(() => stored?.close());
  if (stored) warn(storedSentence(stored.views, recipe));
  const loader = stored?.views.loader ?? createLoader(views);
  closing.add(() => loader.close());
  const prefix = recipe.emaDecay > 0 ? "ema." : "";
  const classifier = Classifier.over({ engine, model, prefix }, state);
  closing.add(() => classifier.dispose());
  await sameForAll(group, position, folder);
  if (folder.before) await folder.log({ kind: "resumed", ...placeOf(position), changed: folder.changes });
  return {
    ...plan,
    ...{ engine, group, folder, loader, step, programs, state, classifier, prefix, stored: stored?.views },
    shapes: new NativeShapes(),
    ...{ checkpoints, position, lastState, fitted, onEvent, warn },
    trainedOn: writeTrainedOn(found, [manifest, ...(manifest.found ? [manifest.found] : [])], setAside),
  };
}

/** The position as recorded in the log. */
export const placeOf = ({ epoch, step, runs }: Position) => ({ epoch, step, runs });

/** Checks that all processes continue from the same position. */
async function sameForAll(group: ProcessGroup, position: Position, { path }: RunFolder): Promise<void> {
  const all = await group.gather("position", JSON.stringify(position));
  const other = all.findIndex((p) => p !== all[0]);
  if (other < 0) return;
  throw new TrainingError(
    `Process ${other} would continue from another saved state than the first one; the run folder "${path}" must lie on storage that all nodes share.`,
  );
}
