/** Opens classifiers, a model with its weights or an ONNX file, behind one interface. */

import type { TrainedOn } from "../data/dataset/trained-on.js";
import type { Engine } from "../engines/engine.js";
import { UsageError } from "../errors/errors.js";
import { shown } from "../errors/options.js";
import { Classifier } from "../evaluation/classifier.js";
import type { ModelInMemory } from "../evaluation/model-in-memory.js";
import type { AnswerForm } from "../evaluation/onnx-file/answers.js";
import { isOnnxFile, openOnnxClassifier } from "../evaluation/onnx-file/classifier.js";
import { loadOverImages } from "../evaluation/onnx-file/whole-images.js";
import { type ModelChoice, openModel } from "../evaluation/open-model.js";
import { type OpenedClassifier, overModel } from "../evaluation/opened-classifier.js";
import { outputNames } from "../evaluation/output-names.js";
import { defaultView, type ViewChoice } from "../evaluation/view.js";
import { nativeSizesOf } from "../models/model-at.js";
import type { OwnModel } from "../models/own-model.js";
import { usualClasses } from "../models/usual-classes.js";
import { modelOrWeights } from "./model-or-weights.js";

/** A model by name with weights from a file, a run folder or the hub. */
export interface NamedWeights {
  /** A file, a run folder, `hub` or `hub:owner/name`. */
  readonly weights: string;
  /** A registered model's name, if the weights do not state it, or the definition of a custom model. */
  readonly model?: string | OwnModel;
}

/** Which classifier: a model's name (its published weights), weights, a run folder, an ONNX file, or a model in memory. */
export type ClassifierSource = string | NamedWeights | ModelInMemory;

/** A classifier of preprocessed images, and what it was trained on. */
export interface LibraryClassifier extends OpenedClassifier {
  /** The images that it was trained on, if the weights state them. */
  readonly trainedOn?: TrainedOn;
}

/** The caller's settings for a classifier. */
export interface ClassifierChoice extends ViewChoice {
  /** Class names in the order of the outputs, if the weights do not state them or to override them. */
  readonly classes?: readonly string[];
  /** For an ONNX file with several outputs: the name of the one with the classes. */
  readonly output?: string;
  /** Form of an ONNX file's outputs (default: inferred from its last node or the numbers themselves). */
  readonly answers?: AnswerForm;
  /** Bytes of a download so far and in total. */
  readonly onProgress?: (done: number, total: number) => void;
}

export async function openClassifier(
  source: ClassifierSource,
  choice: ClassifierChoice,
  engine: Engine,
): Promise<LibraryClassifier> {
  if (typeof source !== "string" && !isChoice(source))
    throw new UsageError(
      `The classifier is ${shown(source)}; give the name of a model, a run folder, a file, or { model, weights }.`,
    );
  const file = typeof source === "string" ? source : source.model === undefined && source.weights;
  if (typeof file === "string" && isOnnxFile(file)) return openFile(file, choice, engine);
  for (const setting of ["output", "answers"] as const)
    if (choice[setting] !== undefined)
      throw new UsageError(`${setting} is a setting for ONNX files, and this classifier is none; leave it out.`);
  if (typeof source !== "string" && typeof source.model === "object" && typeof source.weights === "object")
    return openInMemory(source as ModelInMemory, choice, engine);
  const opened = await openModel({ ...choice, ...namedWeights(source as string | NamedWeights) });
  const { model, weights } = opened;
  const classifier = await Classifier.create({ engine, model }, weights);
  const { view, classes, severalLabels, notes, trainedOn } = opened;
  return { ...overModel(classifier, weights), view, classes, severalLabels, notes: notes.map(String), trainedOn };
}

const viewSettings = [
  ...(["imageSize", "cropRatio", "cropMode", "borderColor", "interpolation", "normalization", "exif"] as const),
] as const satisfies readonly (keyof ViewChoice)[];

const isChoice = (source: unknown): source is NamedWeights | ModelInMemory =>
  typeof source === "object" && source !== null && ("model" in source || "weights" in source);

function namedWeights(source: string | NamedWeights): Pick<ModelChoice, "weights" | "model" | "ownModel"> {
  if (typeof source !== "string") {
    const { model, weights } = source;
    if (typeof weights === "string")
      return typeof model === "object" ? { ownModel: model, weights } : { model, weights };
    throw new UsageError("A classifier needs the model's weights too; give { model, weights }.");
  }
  return modelOrWeights(source);
}

async function openInMemory(
  source: ModelInMemory,
  choice: ClassifierChoice,
  engine: Engine,
): Promise<LibraryClassifier> {
  const { model, weights, view: own = defaultView(model) } = source;
  const view = own.cropMode === "native" ? { nativeSizes: nativeSizesOf(model), ...own } : own;
  const said = viewSettings.filter((key) => choice[key] !== undefined);
  if (said.length > 0)
    throw new UsageError(
      `The preprocessing of a model in memory is its own; set ${said.join(", ")} with { model, weights, view }.`,
    );
  const { names = usualClasses(model) } = outputNames(undefined, choice.classes ?? source.classes, model.name);
  if (names && names.length !== model.classes)
    throw new UsageError(
      `${names.length} class names were given, but the model "${model.name}" has ${model.classes} classes; give one name per class.`,
    );
  return {
    ...overModel(await Classifier.create({ engine, model }, weights), weights),
    ...{ view, classes: names, notes: [] },
  };
}

/** An ONNX file, run by ONNX Runtime whatever the engine for models, with as many threads as that has. */
async function openFile(path: string, choice: ClassifierChoice, { info }: Engine): Promise<LibraryClassifier> {
  const { normalization, imageSize, classes, output, answers } = choice;
  const file = await openOnnxClassifier(path, { normalization, imageSize, classes, output, answers });
  const { classes: names } = file.description;
  if (!names)
    throw new UsageError(
      `"${path}" does not name its classes, and neither does a file beside it; name them in order with classes.`,
    );
  const loaded = await loadOverImages(file, { batch: 1, chosen: choice, threads: info.threads });
  const { view, logits, fixedBatch, close } = loaded;
  if (loaded.classes !== undefined && loaded.classes !== names.length) {
    await close();
    throw new UsageError(
      `"${path}" knows ${loaded.classes} classes, but ${names.length} names are given for them; give one per class, in the order of its outputs.`,
    );
  }
  return { name: path, view, classes: names, notes: file.notes.map(String), fixedBatch, logits, dispose: close };
}
