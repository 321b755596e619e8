/** Finds a model and its weights: a run folder, a checkpoint that names its model, or a name and a file. */
import { UsageError } from "../errors.js";
import { adaptWeights } from "../models/adapt.js";
import { requireFiniteWeights } from "../models/finite.js";
import type { Model } from "../models/model.js";
import { describeDeit, recognizeDeit } from "../models/recognize.js";
import { createModel, type ModelOptions, modelNames } from "../models/registry.js";
import { usualClasses } from "../models/usual-classes.js";
import { quoted } from "../system/quoted.js";
import type { NamedTensors } from "../tensor/index.js";
import { loadWeights } from "../weights/load.js";
import { locateWeights } from "../weights/locate.js";

/** Which model to open, and whose weights. */
export interface ModelChoice {
  /** Name of the model; a deit checkpoint says it itself. */
  readonly model?: string;
  /**
   * A safetensors or PyTorch file, also in shards; a run folder, whose best checkpoint is taken, or one that transformers
   * or timm saved; `hub` for the published weights of the model; or `hub:owner/name`.
   */
  readonly weights: string;
  /** Class names; a deit checkpoint brings its own. */
  readonly classes?: readonly string[];
  readonly imageSize?: number;
  /** Bytes of a download so far and in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A model with its weights and what its outputs mean. */
export interface OpenedModel {
  readonly model: Model;
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
export const checkpointMetadata = { model: "deit.model", config: "deit.config", classes: "deit.classes" } as const;

/**
 * Finds the weights (fetching them where they lie on the hub), builds their model and fits them to it. Throws UsageError
 * where nothing says which model it is or class names do not fit its outputs, FileError where there is no such file or it
 * cannot be read, and WeightsError where the weights are not the model's.
 */
export async function openModel(choice: ModelChoice): Promise<OpenedModel> {
  const found = await locateWeights(choice);
  const { path } = found;
  const loaded = await loadWeights(found);
  const { tensors, unread, metadata, architecture } = loaded;
  const trainedAs = architecture !== undefined && modelNames().includes(architecture) ? architecture : undefined;
  const name = choice.model ?? metadata[checkpointMetadata.model] ?? trainedAs;
  if (!name)
    throw new UsageError(
      `"${path}" ${unnamed(architecture, tensors)}; name it with --model ("deit models" lists all).`,
    );
  const own = name === metadata[checkpointMetadata.model] ? savedConfig(metadata) : {};
  const classCount = (tensors.get("head.weight") ?? tensors.get("head.fc.weight"))?.shape[0];
  const oneHead = tensors.has("dist_token") && tensors.has("head.weight") && !tensors.has("head_dist.weight");
  const model = createModel(name, {
    ...{ classes: classCount, distillationHead: oneHead ? false : undefined, ...own },
    imageSize: choice.imageSize ?? own.imageSize,
  });
  const named = choice.classes ?? savedClasses(metadata);
  if (named && named.length !== model.classes) {
    throw new UsageError(
      `${named.length} class names were given, but the weights in "${path}" know ${model.classes} classes; give one name per class.`,
    );
  }
  const notes = [...loaded.notes];
  if (oneHead && model.distilled)
    notes.push(`The distillation token of "${path}" has no head, so the class token decides alone.`);
  const { heads } = savedConfig(metadata);
  const weights = adaptWeights(model, tensors, { source: path, unread, heads, onNote: (note) => notes.push(note) });
  requireFiniteWeights(weights, path);
  return { model, weights, classes: named ?? usualClasses(model), namedClasses: named, notes };
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
export function savedConfig(metadata: Readonly<Record<string, string>>): ModelOptions {
  try {
    const config: unknown = JSON.parse(metadata[checkpointMetadata.config] ?? "{}");
    return typeof config === "object" && config !== null ? (config as ModelOptions) : {};
  } catch {
    return {};
  }
}

function savedClasses(metadata: Readonly<Record<string, string>>): readonly string[] | undefined {
  try {
    const classes: unknown = JSON.parse(metadata[checkpointMetadata.classes] ?? "null");
    return Array.isArray(classes) && classes.every((c) => typeof c === "string") ? classes : undefined;
  } catch {
    return undefined;
  }
}
