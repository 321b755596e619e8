/** A model for weights that were read: which it is, what it sees and what its outputs mean. */

import { UsageError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { type Message, sentence, setting, way } from "../errors/sentence.js";
import { type ImageSize, sameSize, sizeInWords } from "../geometry/image-size.js";
import { adaptWeights } from "../models/adapt.js";
import { type DeitSizes, recognizeDeit, shapesOf } from "../models/deit-sizes.js";
import { requireFiniteWeights } from "../models/finite.js";
import type { Model } from "../models/model.js";
import type { OwnModel } from "../models/own-model.js";
import { classesOfHead, headNames } from "../models/parts.js";
import { describeDeit, optionsOfSizes } from "../models/recognize.js";
import { createModel, type ModelOptions, modelNames, registeredModel } from "../models/registry.js";
import { usualClasses } from "../models/usual-classes.js";
import type { NamedTensors } from "../tensor/index.js";
import type { LoadedWeights } from "../weights/named.js";
import { checkpointMetadata, savedClasses, savedConfig } from "./checkpoint-metadata.js";
import type { DescribedWeights } from "./described-weights.js";
import { outputNames } from "./output-names.js";
import { readTrainingRecord, type TrainingRecord } from "./training-record.js";
import { type EvaluationView, resolveView, type SaidOfView, seeing, type ViewChoice } from "./view.js";

/** What the caller says of the weights. */
interface ModelWish extends ViewChoice {
  readonly model?: string;
  readonly ownModel?: OwnModel;
  readonly classes?: readonly string[];
}

/** Weights that were read, and where. */
interface WeightsInFile extends Pick<LoadedWeights, "tensors" | "unread" | "metadata" | "notes"> {
  readonly path: string;
}

/** A model with its weights and what its outputs mean. */
export interface ResolvedModel {
  /** Its preprocessing is that of `view`. */
  readonly model: Model;
  /** How images are preprocessed for it. */
  readonly view: EvaluationView;
  /** All parameters of the model by name, fitted to it. */
  readonly weights: NamedTensors;
  /**
   * The classes in the order of the outputs: those named by the caller or the weights; otherwise ImageNet's for a
   * well-known model with 1000 outputs (`usualClasses`); otherwise undefined.
   */
  readonly classes?: readonly string[];
  /** The same without this assumption: undefined if neither the caller nor the weights name them. */
  readonly namedClasses?: readonly string[];
  /** How weights without a run's folder were trained, if they say so. */
  readonly training?: TrainingRecord;
  /** Whether the weights were trained on images of several labels: each output is a sigmoid of its own. */
  readonly severalLabels: boolean;
  /** Whether the weights were saved by deit. */
  readonly ownCheckpoint: boolean;
  /** Notes on how the weights were interpreted. */
  readonly notes: readonly Message[];
}

/**
 * The model of weights. The caller's choice takes precedence, then what the weights state, then the files next to them,
 * then the model's own defaults. Throws a DeitError if they do not fit together.
 */
export function resolveModel(choice: ModelWish, file: WeightsInFile, described: DescribedWeights): ResolvedModel {
  const { path, tensors, unread, metadata } = file;
  const shapes = shapesOf(tensors);
  const sizes = recognizeDeit(shapes, described.imageSize) ?? recognizeDeit(shapes, choice.imageSize);
  const name = choice.model ?? metadata[checkpointMetadata.model] ?? described.modelFor(sizes);
  if (!name)
    throw new UsageError(
      sentence`"${path}" ${unnamed(described.architecture, sizes)}${way`; name it with ${setting("model")} ("deit models" lists all)`}.`,
    );
  const own = name === metadata[checkpointMetadata.model] ? savedConfig(metadata) : {};
  const said = choice.imageSize ?? own.imageSize ?? first(described.view, (one) => one.imageSize);
  if (!choice.ownModel && name === metadata[checkpointMetadata.model] && !modelNames().includes(name))
    throw new UsageError(
      `"${path}" holds weights of the model ${quoted(name)}, which is a custom model; give its definition too: classifier({ model: definition, weights }).`,
    );
  if (choice.ownModel && choice.ownModel.name !== name)
    throw new UsageError(`"${path}" holds weights of the model ${quoted(name)}, not of "${choice.ownModel.name}".`);
  const create = (options: ModelOptions) =>
    choice.ownModel ? choice.ownModel.create(definedOnly(options)) : createModel(name, options);
  const classes = choice.ownModel ? savedClasses(metadata)?.length : classesOfHead(createModel(name), tensors);
  const made = create({
    ...(registeredModel(name)?.anySize && sizes ? optionsOfSizes(sizes) : {}),
    ...{ classes, ...registeredModel(name)?.family.optionsOf?.(shapes), ...described.options, ...own },
    imageSize: said ?? (choice.ownModel ? undefined : sizes?.imageSize),
  });
  described.requireFitting(made);
  const { view, notes: seen } = resolveView(made, choice, described.view);
  const model = seeing(made, view);
  if (described.missingClasses && !choice.classes) throw described.missingClasses;
  const named = outputNames(described.classes, choice.classes, path);
  if (named.names && named.names.length !== model.classes) {
    const whose = choice.classes ? "were given" : `are named by "${described.classSource}"`;
    throw new UsageError(
      sentence`${named.names.length} class names ${whose}, but the weights in "${path}" have ${model.classes} classes; give one name per class${choice.classes ? "" : way` with ${setting("classes")}`}.`,
    );
  }
  const notes: Message[] = [...file.notes];
  if (sizes && !choice.ownModel && choice.imageSize === undefined && own.imageSize === undefined)
    notes.push(...aboutResolution(path, sizes.imageSize, made));
  if (model.distilled && headNames(model).length === 1)
    notes.push(`The distillation token of "${path}" has no head, so the class token predicts alone.`);
  const { heads } = described.options;
  const weights = adaptWeights(model, tensors, {
    ...{ source: path, unread, heads, imageSize: sizes?.imageSize },
    onNote: (note) => notes.push(note),
  });
  requireFiniteWeights(weights, path);
  return {
    ...{ model, view, weights },
    ...{ classes: named.names ?? usualClasses(model), namedClasses: named.names },
    training: readTrainingRecord(metadata, path),
    severalLabels: metadata[checkpointMetadata.labels] === "several",
    ownCheckpoint: metadata[checkpointMetadata.model] !== undefined,
    notes: [...notes, ...seen, ...named.notes],
  };
}

/** A note on the resolution if the user has not chosen it. */
function aboutResolution(path: string, trained: ImageSize, { name, imageSize }: Model): readonly Message[] {
  if (!sameSize(imageSize, trained))
    return [
      `The positions of "${path}" are those of ${sizeInWords(trained)} pixels; they are interpolated to the requested ${sizeInWords(imageSize)}.`,
    ];
  return sameSize(imageSize, createModel(name).imageSize)
    ? []
    : [
        sentence`Images are seen at ${sizeInWords(imageSize)} pixels, as the positions of "${path}" are${way`; ${setting("imageSize")} overrides this`}.`,
      ];
}

const definedOnly = (options: ModelOptions): ModelOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

function first<T>(said: readonly SaidOfView[], of: (one: SaidOfView) => T | undefined): T | undefined {
  return said.map(of).find((value) => value !== undefined);
}

/** The middle of a sentence about weights whose model is unknown. */
function unnamed(architecture: string | undefined, sizes: DeitSizes | undefined): string {
  const like = sizes ? `; its sizes are those of ${describeDeit(sizes)}` : "";
  return architecture === undefined
    ? `does not say which model it is${like}`
    : `says that it is ${quoted(architecture)}, which is none of deit's models${like}`;
}
