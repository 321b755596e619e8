/** A model with its weights from a safetensors file, as deit, timm, transformers and torchvision write them. */
import { UsageError } from "../errors/errors.js";
import { type Message, sentence, setting, way } from "../errors/sentence.js";
import { checkpointMetadata, savedClasses, savedConfig } from "../evaluation/checkpoint-metadata.js";
import { outputNames } from "../evaluation/output-names.js";
import { readSavedView } from "../evaluation/saved-view.js";
import { readTrainingRecord, type TrainingRecord } from "../evaluation/training-record.js";
import { type EvaluationView, resolveView, seeing, type ViewChoice } from "../evaluation/view.js";
import { decodeSafetensors } from "../formats/safetensors/decode.js";
import { adaptWeights } from "../models/adapt.js";
import { recognizeDeit } from "../models/deit-sizes.js";
import { requireFiniteWeights } from "../models/finite.js";
import type { Model } from "../models/model.js";
import { classesOfHead } from "../models/parts.js";
import { describeDeit } from "../models/recognize.js";
import { createModel, registeredModel } from "../models/registry.js";
import { usualClasses } from "../models/usual-classes.js";
import type { NamedTensors } from "../tensor/index.js";
import { namedWeights } from "../weights/named.js";
import type { NamedBytes } from "./fetched.js";

/** What the caller says of the weights. */
export interface WeightsChoice extends ViewChoice {
  /** Name of the model, if the weights do not state it. */
  readonly model?: string;
  /** Class names in the order of the outputs (default: those in the weights, or ImageNet's for a well-known model). */
  readonly classes?: readonly string[];
}

/** A model, its weights, and what its inputs and outputs mean. */
export interface OpenedWeights {
  readonly model: Model;
  readonly weights: NamedTensors;
  readonly view: EvaluationView;
  readonly classes?: readonly string[];
  /** How they were trained, if they say so. */
  readonly training?: TrainingRecord;
  readonly notes: readonly string[];
}

/** Opens the weights in a file's bytes. Throws a DeitError if they do not fit together. */
export function openWeights({ name: path, bytes }: NamedBytes, choice: WeightsChoice): OpenedWeights {
  const contents = { ...decodeSafetensors(bytes, path), format: "safetensors", notes: [] } as const;
  const { tensors, unread, metadata, notes } = namedWeights(path, contents);
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]));
  const sizes = recognizeDeit(shapes);
  const saved = metadata[checkpointMetadata.model];
  const name = choice.model ?? saved;
  if (name === undefined) {
    const like = sizes ? `; its sizes are those of ${describeDeit(sizes)}` : "";
    throw new UsageError(
      sentence`"${path}" does not say which model it is${like}${way`; name it with ${setting("model")}`}.`,
    );
  }
  const own = name === saved ? savedConfig(metadata) : {};
  const made = createModel(name, {
    ...{ classes: classesOfHead(createModel(name), tensors), ...registeredModel(name)?.family.optionsOf?.(shapes) },
    ...own,
    imageSize: choice.imageSize ?? own.imageSize ?? sizes?.imageSize,
  });
  const { view, notes: seen } = resolveView(made, choice, readSavedView(metadata[checkpointMetadata.view], path));
  const model = seeing(made, view);
  const named = outputNames(savedClasses(metadata), choice.classes, path);
  if (named.names && named.names.length !== model.classes)
    throw new UsageError(
      `${named.names.length} class names are given, but the weights in "${path}" have ${model.classes} classes; give one name per class.`,
    );
  const all: Message[] = [...notes];
  const weights = adaptWeights(model, tensors, { source: path, unread, onNote: (note) => all.push(note) });
  requireFiniteWeights(weights, path);
  return {
    ...{ model, weights, view },
    classes: named.names ?? usualClasses(model),
    training: readTrainingRecord(metadata, path),
    notes: [...all, ...seen, ...named.notes].map(String),
  };
}
