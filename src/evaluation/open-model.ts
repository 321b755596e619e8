/** Finds a model and its weights: a run folder, a checkpoint that names its model, or a name and a file. */
import { UsageError } from "../errors.js";
import { adaptWeights } from "../models/adapt.js";
import { requireFiniteWeights } from "../models/finite.js";
import type { Model } from "../models/model.js";
import { describeDeit, recognizeDeit } from "../models/recognize.js";
import { createModel, type ModelOptions, modelNames } from "../models/registry.js";
import { usualClasses } from "../models/usual-classes.js";
import { asObject, tryJson } from "../system/json.js";
import { quoted } from "../system/quoted.js";
import type { NamedTensors } from "../tensor/index.js";
import { loadWeights } from "../weights/load.js";
import { locateWeights, type WeightFiles } from "../weights/locate.js";
import { readCompanions } from "./companions.js";
import { describedOptions, requireSameSizes } from "./described-architecture.js";
import { outputNames } from "./output-classes.js";
import { readSavedView, viewOfName } from "./saved-view.js";
import { type EvaluationView, resolveView, type SaidOfView, seeing, type ViewChoice } from "./view.js";

/** Which model to open, and whose weights. */
export interface ModelChoice extends ViewChoice {
  /** Name of the model; a deit checkpoint says it itself. */
  readonly model?: string;
  /**
   * A safetensors or PyTorch file, also in shards; a run folder, whose best checkpoint is taken, or one that transformers
   * or timm saved; `hub` for the published weights of the model; or `hub:owner/name`.
   */
  readonly weights: string;
  /** Class names; a deit checkpoint brings its own. */
  readonly classes?: readonly string[];
  /** Bytes of a download so far and in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A model with its weights and what its outputs mean. */
export interface OpenedModel {
  /** Sees images as `view` says. */
  readonly model: Model;
  /** How it wants to see an image. */
  readonly view: EvaluationView;
  readonly weights: NamedTensors;
  /**
   * The classes in the order of the outputs: those that the caller or the weights name; otherwise ImageNet's for a model of
   * the field with its 1000 outputs (`usualClasses`); otherwise undefined.
   */
  readonly classes?: readonly string[];
  /** The same without what is only usual: undefined where neither the caller nor the weights name them. */
  readonly namedClasses?: readonly string[];
  /** What should be said of how the weights are taken. */
  readonly notes: readonly string[];
}

/** Names of the metadata of deit's own checkpoints. */
export const checkpointMetadata = {
  ...{ model: "deit.model", config: "deit.config", classes: "deit.classes", view: "deit.view" },
} as const;

/**
 * Opens a model with its weights. What the choice says goes first, then what the weights say of themselves, then the
 * files beside them, then the model's own defaults. Throws a DeitError where they do not fit together.
 */
export async function openModel(choice: ModelChoice): Promise<OpenedModel> {
  const found = await locateWeights(choice);
  const { path } = found;
  const loaded = await loadWeights(found);
  const { tensors, unread, metadata } = loaded;
  const described = await describeWeights(found, metadata);
  const architecture = loaded.architecture ?? described.architecture;
  const trainedAs = architecture !== undefined && modelNames().includes(architecture) ? architecture : undefined;
  const name = choice.model ?? metadata[checkpointMetadata.model] ?? trainedAs;
  if (!name)
    throw new UsageError(
      `"${path}" ${unnamed(architecture, tensors)}; name it with --model ("deit models" lists all).`,
    );
  const own = name === metadata[checkpointMetadata.model] ? savedConfig(metadata) : {};
  const classCount = (tensors.get("head.weight") ?? tensors.get("head.fc.weight"))?.shape[0];
  const oneHead = tensors.has("dist_token") && tensors.has("head.weight") && !tensors.has("head_dist.weight");
  const made = createModel(name, {
    ...{ classes: classCount, distillationHead: oneHead ? false : undefined, ...described.options, ...own },
    imageSize: choice.imageSize ?? own.imageSize ?? first(described.view, (said) => said.imageSize),
  });
  described.requireFitting(made);
  const { view, notes: seen } = resolveView(made, choice, described.view);
  const model = seeing(made, view);
  const named = outputNames(described.classes, choice.classes, path);
  if (named.names && named.names.length !== model.classes) {
    const whose = choice.classes ? "were given" : `are named by "${described.classSource}"`;
    throw new UsageError(
      `${named.names.length} class names ${whose}, but the weights in "${path}" know ${model.classes} classes; give one name per class${choice.classes ? "" : " with --classes"}.`,
    );
  }
  const notes = [...loaded.notes];
  if (oneHead && model.distilled)
    notes.push(`The distillation token of "${path}" has no head, so the class token decides alone.`);
  const { heads } = described.options;
  const weights = adaptWeights(model, tensors, { source: path, unread, heads, onNote: (note) => notes.push(note) });
  requireFiniteWeights(weights, path);
  return {
    ...{ model, view, weights },
    ...{ classes: named.names ?? usualClasses(model), namedClasses: named.names },
    notes: [...notes, ...seen, ...named.notes],
  };
}

/** What is said of weights by themselves, by the files beside them and by their name. */
export interface DescribedWeights {
  /** The first that says a part of it counts. */
  readonly view: readonly SaidOfView[];
  readonly classes?: readonly string[];
  readonly classSource: string;
  /** timm's name of the model. */
  readonly architecture?: string;
  /** What the shapes of the tensors do not tell. */
  readonly options: ModelOptions;
  /** Throws WeightsError where the files beside them describe another model. */
  readonly requireFitting: (model: Model) => void;
}

/** Looks at the metadata and the neighbours of weights. Throws WeightsError for what deit cannot do. */
export async function describeWeights(
  { path, folder }: Pick<WeightFiles, "path" | "folder">,
  metadata: Readonly<Record<string, string>>,
): Promise<DescribedWeights> {
  const saved = metadata[checkpointMetadata.view];
  // A checkpoint of deit's own says all itself, and its folder may hold files of anything.
  const complete = saved !== undefined || metadata[checkpointMetadata.config] !== undefined;
  const beside = complete ? { view: [] } : await readCompanions([folder]);
  const own = savedClasses(metadata);
  const architecture = beside.config?.fields.architecture;
  return {
    view: [...readSavedView(saved, path), ...beside.view, ...(complete ? [] : viewOfName(path))],
    classes: own ?? beside.classes?.names,
    classSource: own ? path : (beside.classes?.source ?? path),
    architecture: typeof architecture === "string" ? architecture : undefined,
    options: { ...describedOptions(beside), ...headsOf(savedConfig(metadata)) },
    requireFitting: (model) => requireSameSizes(model, beside),
  };
}

const headsOf = ({ heads }: ModelOptions): ModelOptions => (heads === undefined ? {} : { heads });

function first<T>(said: readonly SaidOfView[], of: (one: SaidOfView) => T | undefined): T | undefined {
  return said.map(of).find((value) => value !== undefined);
}

/** The middle of a sentence about weights of which nothing tells whose they are. */
function unnamed(architecture: string | undefined, tensors: NamedTensors): string {
  const sizes = recognizeDeit(new Map([...tensors].map(([name, { shape }]) => [name, shape])));
  const like = sizes ? `; its sizes are those of ${describeDeit(sizes)}` : "";
  return architecture === undefined
    ? `does not say which model it is${like}`
    : `says that it is ${quoted(architecture)}, which is none of deit's models${like}`;
}

/** The sizes that a file of deit's own says of its model; none of others. */
export const savedConfig = (metadata: Readonly<Record<string, string>>): ModelOptions =>
  asObject(tryJson(metadata[checkpointMetadata.config])) ?? {};

function savedClasses(metadata: Readonly<Record<string, string>>): readonly string[] | undefined {
  const classes = tryJson(metadata[checkpointMetadata.classes]);
  return Array.isArray(classes) && classes.every((c) => typeof c === "string") ? classes : undefined;
}
