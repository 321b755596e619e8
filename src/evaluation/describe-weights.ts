/** What is said of weights: by themselves, by the program that trained them, by the files beside them, by their name. */
import type { UsageError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { sentence, setting, way } from "../errors/sentence.js";
import type { DeitSizes } from "../models/deit-sizes.js";
import type { Model } from "../models/model.js";
import { nameOf } from "../models/recognize.js";
import { type ModelOptions, modelNames, optionsWithoutTrace } from "../models/registry.js";
import type { InnerNormalization } from "../weights/inner-normalization.js";
import type { WeightFiles } from "../weights/locate.js";
import type { LoadedWeights } from "../weights/named.js";
import { checkpointMetadata, savedClasses, savedConfig } from "./checkpoint-metadata.js";
import { type Companions, readCompanions } from "./companions.js";
import { describedOptions, requireSameModel } from "./described-architecture.js";
import { regnetOf } from "./described-regnet.js";
import { asNormalization } from "./normalization.js";
import { viewOfName, viewOfRecipe } from "./recipe-view.js";
import { readSavedView } from "./saved-view.js";
import {
  type ArgumentClasses,
  bareModelName,
  classesOfArguments,
  type TrainingArguments,
  viewOfArguments,
} from "./training-arguments.js";
import type { SaidOfView } from "./view.js";

/** What is said of weights by themselves, by the files beside them and by their name. */
export interface DescribedWeights {
  /** The first that says a part of it counts. */
  readonly view: readonly SaidOfView[];
  readonly classes?: readonly string[];
  readonly classSource: string;
  /** Why the order of the classes, which a list decides on, cannot be told. */
  readonly missingClasses?: UsageError;
  /** What is said to be the name of the model. */
  readonly architecture?: string;
  /** deit's name of the model, for weights of these sizes; undefined where it cannot be told. */
  readonly modelFor: (sizes: DeitSizes | undefined) => string | undefined;
  /** What the shapes of the tensors do not tell. */
  readonly options: ModelOptions;
  /** Throws WeightsError where the files beside them describe another model. */
  readonly requireFitting: (model: Model) => void;
}

/** What a file of weights says beside its tensors. */
export type SaidByFile = Pick<LoadedWeights, "metadata" | "architecture" | "trainingArguments" | "normalization">;

/** Looks at what weights say of themselves and at their neighbours. Throws WeightsError for what deit cannot do. */
export async function describeWeights(
  { path, folder }: Pick<WeightFiles, "path" | "folder">,
  { metadata, ...file }: SaidByFile,
): Promise<DescribedWeights> {
  const saved = metadata[checkpointMetadata.view];
  // A checkpoint of deit's own says all itself, and its folder may hold files of anything.
  const complete = saved !== undefined || metadata[checkpointMetadata.config] !== undefined;
  const beside: Companions = complete ? { view: [] } : await readCompanions([folder]);
  const within = file.trainingArguments && {
    source: `"${path}" (its training arguments)`,
    fields: file.trainingArguments,
  };
  const trained = [within, beside.trained].filter((one) => one !== undefined);
  const own = savedClasses(metadata);
  const named = own ? { source: path, names: own } : (beside.classes ?? (await firstClasses(trained, folder)));
  const architecture = [file.architecture, beside.config?.fields.architecture, beside.trained?.fields.model].find(
    (name): name is string => typeof name === "string",
  );
  return {
    view: [
      ...(file.normalization ? [viewOfWrapper(file.normalization, path)] : []),
      ...readSavedView(saved, path),
      ...(complete && saved === undefined ? await viewOfRecipe(folder) : []),
      ...(within ? viewOfArguments(within) : []),
      ...beside.view,
      ...(complete ? [] : viewOfName(path)),
    ],
    classes: named && "names" in named ? named.names : undefined,
    classSource: named && "names" in named ? named.source : path,
    missingClasses: named && "missing" in named ? named.missing : undefined,
    architecture,
    modelFor: (sizes) =>
      modelNamed(architecture) ?? (sizes ? modelOfTransformers(beside, sizes) : regnetOf(beside.config?.fields ?? {})),
    options: { ...describedOptions(beside, trained), ...withoutTrace(savedConfig(metadata)) },
    requireFitting: (model) => requireSameModel(model, beside, trained),
  };
}

/** A wrapper that normalises takes images from 0 to 1, which is what deit's own normalisation takes. */
function viewOfWrapper({ names: [mean, std], ...values }: InnerNormalization, path: string): SaidOfView {
  const given = asNormalization(values);
  const plain = given?.mean.every((m) => m >= 0 && m <= 1) && given.std.every((s) => s <= 1);
  return {
    source: `"${path}"`,
    normalization: plain
      ? given
      : {
          refused: sentence`holds ${quoted(mean)} and ${quoted(std)}, by which a wrapper normalises images, but not for values from 0 to 1; take them out of the file${way` and say it with ${setting("normalization")}`}`,
        },
  };
}

async function firstClasses(
  trained: readonly TrainingArguments[],
  folder: string,
): Promise<ArgumentClasses | undefined> {
  for (const one of trained) {
    const found = await classesOfArguments(one, folder);
    if (found) return found;
  }
  return undefined;
}

const modelNamed = (architecture: string | undefined): string | undefined =>
  modelNames().find((name) => architecture !== undefined && name === bareModelName(architecture));

/** The model of a published size that transformers describes. */
function modelOfTransformers({ config }: Companions, sizes: DeitSizes): string | undefined {
  const type = config?.fields.model_type;
  if (typeof type !== "string") return undefined;
  return nameOf(sizes, type) ?? nameOf({ ...sizes, imageSize: 224 }, type);
}

/** What a checkpoint of deit's own says that its shapes do not tell. */
const withoutTrace = (saved: ModelOptions): ModelOptions =>
  Object.fromEntries(Object.entries(saved).filter(([option]) => optionsWithoutTrace.has(option)));
