/** What is said of weights, and what a file of weights says by itself: all there is to know of one in a web page. */

import type { UsageError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { sentence, setting, way } from "../errors/sentence.js";
import { asImageSize, type ImageSize } from "../geometry/image-size.js";
import type { DeitSizes } from "../models/deit-sizes.js";
import type { Model } from "../models/model.js";
import { type ModelOptions, modelFamilies, modelNames, optionsWithoutTrace } from "../models/registry.js";
import type { InnerNormalization } from "../weights/inner-normalization.js";
import type { LoadedWeights } from "../weights/named.js";
import { checkpointMetadata, savedClasses, savedConfig } from "./checkpoint-metadata.js";
import { bareModelName } from "./model-name.js";
import { asNormalization } from "./normalization.js";
import { readSavedView } from "./saved-view.js";
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
  /** Size of the images that they were trained on, or are used with, if it is said. */
  readonly imageSize?: ImageSize;
  /** Throws WeightsError where the files beside them describe another model. */
  readonly requireFitting: (model: Model) => void;
}

/** What a file of weights says beside its tensors. */
export type SaidByFile = Pick<LoadedWeights, "metadata" | "architecture" | "trainingArguments" | "normalization">;

/** Whether a file says all itself, as deit's own checkpoints do: the files beside it may then belong to anything. */
export const saysAll = ({ metadata }: SaidByFile): boolean =>
  metadata[checkpointMetadata.view] !== undefined || metadata[checkpointMetadata.config] !== undefined;

/** What a file says by itself and by its name. Throws WeightsError for what deit cannot do. */
export function describedByItself(path: string, file: SaidByFile): DescribedWeights {
  const { architecture } = file;
  const view = [...viewInFile(path, file), ...(saysAll(file) ? [] : viewOfName(path))];
  return {
    view,
    imageSize: saidSize(file, view),
    classes: savedClasses(file.metadata),
    classSource: path,
    architecture,
    modelFor: () => modelNamed(architecture),
    options: optionsInFile(file),
    requireFitting: () => undefined,
  };
}

/** The first that says the size counts. */
export const saidSize = ({ metadata }: SaidByFile, view: readonly SaidOfView[]): ImageSize | undefined =>
  asImageSize(savedConfig(metadata).imageSize, Number.MAX_SAFE_INTEGER) ??
  view.find(({ imageSize }) => imageSize !== undefined)?.imageSize;

/** The views that are stated in a file. */
export const viewInFile = (path: string, { metadata, normalization }: SaidByFile): readonly SaidOfView[] => [
  ...(normalization ? [viewOfWrapper(normalization, path)] : []),
  ...readSavedView(metadata[checkpointMetadata.view], path),
];

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

/** What the name of a file of published weights tells. */
export function viewOfName(path: string): readonly SaidOfView[] {
  const file = path.replace(/^.*[/\\]/, "");
  for (const { namedNormalization } of modelFamilies()) {
    const told = namedNormalization?.(file);
    if (told) return [{ source: `timm of "${told.name}" (the file's name)`, normalization: told.normalization }];
  }
  return [];
}

/** What a checkpoint of deit's own says that its shapes do not tell. */
const optionsInFile = ({ metadata }: SaidByFile): ModelOptions =>
  Object.fromEntries(Object.entries(savedConfig(metadata)).filter(([option]) => optionsWithoutTrace.has(option)));

/** deit's name of a model that is named as timm does. */
export const modelNamed = (architecture: string | undefined): string | undefined =>
  modelNames().find((name) => architecture !== undefined && name === bareModelName(architecture));
