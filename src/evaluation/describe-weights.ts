/** What is said of weights: by themselves, by the program that trained them, by the files beside them, by their name. */
import type { DeitSizes } from "../models/deit-sizes.js";
import { nameOf } from "../models/recognize.js";
import type { WeightFiles } from "../weights/locate.js";
import { checkpointMetadata } from "./checkpoint-metadata.js";
import { type Companions, readCompanions } from "./companions.js";
import { describedOptions, requireSameModel } from "./described-architecture.js";
import { regnetOf } from "./described-regnet.js";
import {
  type DescribedWeights,
  describedByItself,
  modelNamed,
  type SaidByFile,
  saidSize,
  saysAll,
  viewInFile,
  viewOfName,
} from "./described-weights.js";
import { viewOfRecipe } from "./recipe-view.js";
import {
  type ArgumentClasses,
  classesOfArguments,
  type TrainingArguments,
  viewOfArguments,
} from "./training-arguments.js";

/** Looks at what weights say of themselves and at their neighbours. Throws WeightsError for what deit cannot do. */
export async function describeWeights(
  { path, folder }: Pick<WeightFiles, "path" | "folder">,
  file: SaidByFile,
): Promise<DescribedWeights> {
  const complete = saysAll(file);
  const beside: Companions = complete ? { view: [] } : await readCompanions([folder]);
  const within = file.trainingArguments && {
    source: `"${path}" (its training arguments)`,
    fields: file.trainingArguments,
  };
  const trained = [within, beside.trained].filter((one) => one !== undefined);
  const own = describedByItself(path, file);
  const named = own.classes
    ? { source: path, names: own.classes }
    : (beside.classes ?? (await firstClasses(trained, folder)));
  const architecture = [file.architecture, beside.config?.fields.architecture, beside.trained?.fields.model].find(
    (name): name is string => typeof name === "string",
  );
  const view = [
    ...viewInFile(path, file),
    ...(complete && file.metadata[checkpointMetadata.view] === undefined ? await viewOfRecipe(folder) : []),
    ...(within ? viewOfArguments(within) : []),
    ...beside.view,
    ...(complete ? [] : viewOfName(path)),
  ];
  return {
    view,
    imageSize: saidSize(file, view),
    classes: named && "names" in named ? named.names : undefined,
    classSource: named && "names" in named ? named.source : path,
    missingClasses: named && "missing" in named ? named.missing : undefined,
    architecture,
    modelFor: (sizes) =>
      modelNamed(architecture) ?? (sizes ? modelOfTransformers(beside, sizes) : regnetOf(beside.config?.fields ?? {})),
    options: { ...describedOptions(beside, trained), ...own.options },
    requireFitting: (model) => requireSameModel(model, beside, trained),
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

/** The model of a published size that transformers describes. */
function modelOfTransformers({ config }: Companions, sizes: DeitSizes): string | undefined {
  const type = config?.fields.model_type;
  if (typeof type !== "string") return undefined;
  return nameOf(sizes, type) ?? nameOf({ ...sizes, imageSize: 224 }, type);
}
