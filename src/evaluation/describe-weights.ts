/**
 * Descriptions of weights: by themselves, by the program that trained them, by the files next to them, by their name.
 */
import type { UsageError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { sentence, setting, way } from "../errors/sentence.js";
import type { Model } from "../models/model.js";
import { type DeitSizes, nameOf } from "../models/recognize.js";
import { type ModelOptions, modelNames } from "../models/registry.js";
import type { InnerNormalization } from "../weights/inner-normalization.js";
import type { LoadedWeights } from "../weights/load.js";
import type { WeightFiles } from "../weights/locate.js";
import { checkpointMetadata, savedClasses, savedConfig } from "./checkpoint-metadata.js";
import { type Companions, readCompanions } from "./companions.js";
import { describedOptions, requireSameModel } from "./described-architecture.js";
import { regnetOf } from "./described-regnet.js";
import { asNormalization } from "./normalization.js";
import { readSavedView, viewOfName, viewOfRecipe } from "./saved-view.js";
import {
  type ArgumentClasses,
  bareModelName,
  classesOfArguments,
  type TrainingArguments,
  viewOfArguments,
} from "./training-arguments.js";
import type { SaidOfView } from "./view.js";

/** Descriptions of weights by themselves, by the files next to them and by their name. */
export interface DescribedWeights {
  /** For each part of the view, the first source that states it takes precedence. */
  readonly view: readonly SaidOfView[];
  readonly classes?: readonly string[];
  readonly classSource: string;
  /** Why the order of the classes, which depends on a list, is unknown. */
  readonly missingClasses?: UsageError;
  /** The stated name of the model. */
  readonly architecture?: string;
  /** deit's name of the model, for weights of these sizes; undefined if unknown. */
  readonly modelFor: (sizes: DeitSizes | undefined) => string | undefined;
  /** Options that cannot be inferred from the shapes of the tensors. */
  readonly options: ModelOptions;
  /** Throws WeightsError if the files next to them describe a different model. */
  readonly requireFitting: (model: Model) => void;
}

/** What a weights file contains besides its tensors. */
export type SaidByFile = Pick<LoadedWeights, "metadata" | "architecture" | "trainingArguments" | "normalization">;

/**
 * Reads the descriptions in weights and in the files next to them. Throws WeightsError for what deit does not support.
 */
export async function describeWeights(
  { path, folder }: Pick<WeightFiles, "path" | "folder">,
  { metadata, ...file }: SaidByFile,
): Promise<DescribedWeights> {
  const saved = metadata[checkpointMetadata.view];
  // deit's own checkpoints are self-contained, and their folder may contain unrelated files.
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

/** A wrapper that normalises expects images from 0 to 1, like deit's own normalisation. */
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

/** A ViT or DeiT described by transformers, of a published size. */
function modelOfTransformers({ config }: Companions, sizes: DeitSizes): string | undefined {
  const type = config?.fields.model_type;
  if (type !== "vit" && type !== "deit") return undefined;
  const name = nameOf(sizes) ?? nameOf({ ...sizes, imageSize: 224 });
  return type === "vit" ? modelNamed(name?.replace(/^deit/, "vit")) : name;
}

/** Options of deit's own checkpoints that cannot be inferred from shapes. */
const withoutTrace = ({ heads, normEpsilon }: ModelOptions): ModelOptions => ({
  ...(heads === undefined ? {} : { heads }),
  ...(normEpsilon === undefined ? {} : { normEpsilon }),
});
