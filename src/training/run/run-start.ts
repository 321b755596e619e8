/** The start of a run: its manifest, and the checks before the first step. */
import { cpus } from "node:os";
import type { SplitRule } from "../../data/dataset/dataset.js";
import { knownImages } from "../../data/dataset/trained-on.js";
import type { Engine, EngineInfo } from "../../engines/engine.js";
import { TrainingError, UsageError, WeightsError } from "../../errors/errors.js";
import { sentence, setting } from "../../errors/sentence.js";
import { describeWeights } from "../../evaluation/describe-weights.js";
import { type AdaptOptions, adaptWeights } from "../../models/adapt.js";
import { requireFiniteWeights } from "../../models/finite.js";
import { initializeInPieces, initializeParameter } from "../../models/initialize.js";
import { mimeticInPieces } from "../../models/mimetic.js";
import type { Model } from "../../models/model.js";
import { createModel, modelNames, optionsWithoutTrace } from "../../models/registry.js";
import { selectWeights } from "../../models/select-weights.js";
import { architectureOptions, type architectureSettings } from "../../models/settings.js";
import { requireFreeSpace } from "../../system/files/atomic-file.js";
import { inTurns } from "../../system/turn.js";
import { version } from "../../system/version.js";
import { commonZeros } from "../../tensor/host.js";
import { type HostTensor, type NamedTensors, sizeOf, zeros } from "../../tensor/index.js";
import { loadWeights } from "../../weights/load.js";
import { locateWeights } from "../../weights/locate.js";
import type { LoadedWeights } from "../../weights/named.js";
import { type DataPlace, placeName } from "../feed/data-place.js";
import type { Recipe } from "../recipe/recipe.js";
import type { RunFolder } from "../run-folder/folder.js";
import type { RunManifest } from "../run-folder/manifest.js";
import type { Position } from "../run-folder/position.js";
import type { Step } from "../step/step.js";
import type { Teaching } from "../teacher/teaching.js";
import { withKnownHead } from "./begun-weights.js";
import type { SavedState } from "./checkpoint.js";
import { withHeadInit } from "./head-init.js";
import type { Plan } from "./plan.js";

export interface ManifestChoices {
  readonly engine: Engine;
  readonly data: DataPlace;
  readonly validation?: DataPlace;
  readonly test?: DataPlace;
  readonly split?: SplitRule;
  readonly onBadImage?: "stop" | "skip";
  readonly precision?: RunManifest["precision"];
}

/** `run.json` of a run over these images. */
export function manifestOf(
  choices: ManifestChoices,
  { dataset, found, testPart }: Pick<Plan, "dataset" | "found" | "testPart">,
  teacher: string | undefined,
): RunManifest {
  const { engine, split, onBadImage = "stop", precision = "float32" } = choices;
  const { engine: name, platform, version: engineVersion, devices } = engine.info;
  const [known, all] = knownImages(dataset, found);
  return {
    format: 1,
    deit: version,
    began: new Date().toISOString(),
    data: placeName(choices.data),
    validation: choices.validation && placeName(choices.validation),
    test: choices.test && placeName(choices.test),
    ...{ testPart, split: split?.kind === "given" ? undefined : split?.share },
    ...known,
    found: all,
    classes: dataset.classes.length,
    teacher,
    ...{ onBadImage, precision },
    engine: { engine: name, platform, version: engineVersion, devices },
  };
}

/** What a result may depend on besides the recipe. */
export function environment({ precisions, ...engine }: EngineInfo) {
  const { node, v8 } = process.versions;
  return {
    ...{ node, v8, system: `${process.platform} ${process.arch}`, processor: cpus()[0]?.model.trim() ?? "unknown" },
    ...engine,
    precisions: [...precisions],
  };
}

/** A sentence if the run is resumed with a different engine, which sums in a different order. */
export function otherEngine({ before }: RunFolder, { engine }: RunManifest): string | undefined {
  const was = before?.manifest.engine;
  if (!was || JSON.stringify(was) === JSON.stringify(engine)) return undefined;
  const name = (e: RunManifest["engine"]) => `${e.engine} on ${e.devices} × ${e.platform} (${e.version})`;
  return `The run was started with ${name(was)} and continues with ${name(engine)}; its weights will not be bit for bit those of a run on one engine.`;
}

/** Throws if the disk has too little space for the run: `keep` states and one being written, best and last weights. */
export async function requireSpaceForRun(folder: RunFolder, step: Step, model: Model, keep: number): Promise<void> {
  const bytes = (shapes: Iterable<readonly number[]>) => [...shapes].reduce((sum, shape) => sum + 4 * sizeOf(shape), 0);
  const state = bytes(step.state.values());
  const weights = bytes(model.parameters.map((p) => p.shape));
  // A resumed run already has most of its files, and overwrites them one at a time.
  const needed = folder.before ? state + weights : (keep + 1) * state + 3 * weights;
  await requireFreeSpace(folder.path, needed, "the checkpoints of the run");
}

/** Settings that determine how the images of an epoch are distributed over its runs. */
const orderSettings = [
  ...["batchSize", "accumulate", "epochRepeats", "repeatedAugmentation", "sampling"],
  ...["seed", "dataset"],
] as const;

/** Settings that decide which images share a batch where it has images of one shape. */
const shapeSettings = ["cropMode", "exif", "imageSize"] as const;

/** Throws if settings that determine the remaining images change within an epoch; between epochs they may. */
export function requireSameOrder(
  { path, changes }: RunFolder,
  { epoch, runs }: Position,
  { cropMode }: Pick<Recipe, "cropMode">,
): void {
  const native = [cropMode, changes.cropMode?.from].includes("native");
  const changed = [...orderSettings, ...(native ? shapeSettings : [])].filter((key) => key in changes);
  if (runs === 0 || changed.length === 0) return;
  const what = changed.map((key) => (key === "dataset" ? "the training images" : key)).join(" and ");
  // Weights are written when an epoch ends.
  const from = epoch === 0 ? sentence`` : sentence` with ${setting("finetune")} from its last.safetensors`;
  throw new UsageError(
    sentence`The run in "${path}" was saved in the middle of epoch ${epoch + 1}, after ${runs} runs, where ${what} cannot change: images of that epoch would be seen twice or never, and its accuracy would be wrong. Resume it unchanged and make the change between two epochs, or start a new run${from}.`,
  );
}

/** Throws if a run whose best epoch is chosen by one measure is to continue with another. */
export function requireSameMetric({ path, changes }: RunFolder, { bestScore }: Position): void {
  if (bestScore === null || !("evalMetric" in changes)) return;
  const { from, to } = changes.evalMetric;
  throw new UsageError(
    `The run in "${path}" has chosen its best epoch by evalMetric=${from}, which cannot become ${to}: scores of the two cannot be compared. Resume it unchanged, or start a new run.`,
  );
}

/**
 * Checks that a saved state contains everything that the step needs. Only sums of gradients may be missing between
 * epochs, where they are zero: so a run without `accumulate` can be resumed with it.
 */
export function fittingState(saved: SavedState, step: Step, folder: RunFolder): SavedState {
  const state = new Map<string, HostTensor>();
  for (const [name, shape] of step.state) {
    const found = saved.state.get(name);
    const sums = !found && name.startsWith("accumulated.") && saved.position.runs === 0;
    if (!sums && found?.shape.join() !== shape.join())
      throw new TrainingError(
        `The saved state in "${folder.path}" does not fit the model: it lacks "${name}" of shape [${shape.join(", ")}]. Resume with the settings of its recipe.json.`,
      );
    state.set(name, found ?? zeros("float32", shape));
  }
  return { ...saved, state };
}

/** Tensors that the step reads but never changes: the parameters of its teachers. */
export function frozenTensors({ frozen }: Step, teaching: Teaching): (readonly [string, HostTensor])[] {
  return [...frozen.keys()].map((name) => [name, teaching.frozen!.get(name)!]);
}

/**
 * The parameters before the first step: drawn from the seed, mimetic or selected from a larger model's (`init`), or
 * those of `finetune`, whose head is kept if it is known to be of the same classes. `onNote` reports what is left out.
 */
export async function firstParameters(
  model: Model,
  recipe: FirstStateRecipe,
  classes: readonly string[],
  options: FirstParametersOptions = {},
): Promise<NamedTensors> {
  return withHeadInit(model, await givenParameters(model, recipe, classes, options), recipe);
}

interface FirstParametersOptions {
  readonly onNote?: (sentence: string) => void;
  readonly signal?: AbortSignal;
}

/** The parameters before changes to the first values of heads. */
async function givenParameters(
  model: Model,
  recipe: FirstStateRecipe,
  classes: readonly string[],
  { onNote, signal }: FirstParametersOptions,
): Promise<NamedTensors> {
  if (recipe.finetune) return begun(model, recipe, recipe.finetune, classes, onNote);
  if (recipe.init?.by === "selection") return selected(model, recipe, recipe.init.from, onNote);
  const drawn = recipe.init?.by === "mimetic" ? mimeticInPieces : initializeInPieces;
  return inTurns(drawn(model, recipe.seed), signal);
}

/**
 * The initial state of a step with these parameters: averages start at them, the step's own parameters as drawn from
 * the seed, all else at zero.
 */
export function stateOf(step: Pick<Step, "state" | "own">, parameters: NamedTensors, seed: number): NamedTensors {
  const first = new Map([
    ...parameters,
    ...step.own.map((spec) => [spec.name, initializeParameter(spec, seed)] as const),
  ]);
  const zero = commonZeros();
  return new Map([...step.state].map(([name, shape]) => [name, first.get(name.replace(/^ema\./, "")) ?? zero(shape)]));
}

type FirstStateRecipe = Pick<
  Recipe,
  | "model"
  | "seed"
  | "init"
  | "finetune"
  | "headStart"
  | "headInitScale"
  | "headInitBias"
  | keyof typeof architectureSettings
>;

/** The weights that training starts from. */
async function begun(
  model: Model,
  recipe: FirstStateRecipe,
  source: string,
  classes: readonly string[],
  onNote?: (sentence: string) => void,
): Promise<NamedTensors> {
  const found = await locateWeights({ weights: source, model: recipe.model });
  const loaded = await loadWeights(found);
  for (const note of loaded.notes) onNote?.(note);
  const described = await describeWeights(found, loaded);
  // Notes on a head that will be fitted anyway are irrelevant.
  const headNote = recipe.headStart === "fitted" ? undefined : onNote;
  const tensors = withKnownHead(loaded.tensors, described, model, classes, headNote);
  const heads = described.options.heads;
  const weights = fittedTo(
    model,
    recipe,
    { source, onNote, heads, imageSize: described.imageSize },
    { ...loaded, tensors },
  );
  requireFiniteWeights(weights, source);
  return weights;
}

/** Elements of a larger model's weights, with new heads. */
async function selected(
  model: Model,
  { seed }: FirstStateRecipe,
  source: string,
  onNote?: (sentence: string) => void,
): Promise<NamedTensors> {
  const files = await locateWeights({ weights: source });
  const loaded = await loadWeights(files);
  for (const note of loaded.notes) onNote?.(note);
  const { imageSize } = await describeWeights(files, loaded);
  const tensors = selectWeights(model, loaded.tensors, source, imageSize);
  const weights = adaptWeights(model, tensors, { source, imageSize, newHead: { seed }, onNote });
  requireFiniteWeights(weights, source);
  return weights;
}

/** The weights adapted to the model; if they would fit except for a setting, the error names it. */
function fittedTo(
  model: Model,
  recipe: FirstStateRecipe,
  { source, onNote, heads, imageSize }: Pick<AdaptOptions, "source" | "onNote" | "heads" | "imageSize">,
  { tensors, unread }: LoadedWeights,
): NamedTensors {
  const options = { source, unread, heads, imageSize, newHead: { seed: recipe.seed }, onNote };
  try {
    return adaptWeights(model, tensors, options);
  } catch (error) {
    if (!modelNames().includes(recipe.model)) throw error; // a custom model has no other sizes
    const named = createModel(recipe.model, { imageSize: model.imageSize, classes: model.classes });
    const asked = Object.entries(architectureOptions(recipe));
    const told = asked.filter(([key]) => key !== "imageSize" && !optionsWithoutTrace.has(key));
    const changed = told.filter(([key, value]) => value !== named.config[key]);
    if (!(error instanceof WeightsError) || changed.length === 0) throw error;
    try {
      adaptWeights(named, tensors, options);
    } catch {
      throw error; // they do not fit the model's standard sizes either
    }
    const cause = changed.map(([key, value]) => `${key}=${value}`).join(" and ");
    throw new WeightsError(
      `The weights in "${source}" fit ${recipe.model}, but not with the recipe's ${cause}; remove that, or start from weights of that size.`,
      { cause: error },
    );
  }
}
