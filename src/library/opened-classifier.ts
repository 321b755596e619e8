/** Whoever can classify: a model with its weights, or an ONNX file. Opens either behind one interface. */

import type { Engine } from "../engines/engine.js";
import { UsageError } from "../errors/errors.js";
import { Classifier } from "../evaluation/classifier.js";
import { type ModelChoice, openModel } from "../evaluation/open-model.js";
import { outputNames } from "../evaluation/output-classes.js";
import { defaultView, type EvaluationView, type ViewChoice } from "../evaluation/view.js";
import { imagenetNormalization, type Model } from "../models/model.js";
import type { OwnModel } from "../models/registry.js";
import { modelNames } from "../models/registry.js";
import { usualClasses } from "../models/usual-classes.js";
import type { NamedTensors } from "../tensor/index.js";
import { parseRecipe } from "../training/recipe/recipe.js";
import { describeTeacher } from "../training/teacher/description.js";
import { isOnnxFile, openOnnxTeacher } from "../training/teacher/onnx.js";

/** A model that is in memory already, as `createModel` and `initialize` or `openModel` give it. */
export interface ModelInMemory {
  readonly model: Model;
  readonly weights: NamedTensors;
  /** How it sees images; as the model says unless told. */
  readonly view?: EvaluationView;
  readonly classes?: readonly string[];
}

/** A model by name with weights from a file, a run folder or the hub. */
export interface NamedWeights {
  /** A file, a run folder, `hub` or `hub:owner/name`. */
  readonly weights: string;
  /** A registered model's name where the weights do not say it, or what makes a model of one's own. */
  readonly model?: string | OwnModel;
}

/** Which classifier: a model's name (its published weights), weights, a run folder, an ONNX file, or a model in memory. */
export type ClassifierSource = string | NamedWeights | ModelInMemory;

/** What can classify views of images, before there is a function around it. */
export interface OpenedClassifier {
  readonly name: string;
  readonly view: EvaluationView;
  readonly classes?: readonly string[];
  readonly notes: readonly string[];
  /** Undefined for a file whose inside is not known. */
  readonly inside?: { readonly model: Model; readonly weights: NamedTensors };
  /** Logits of one view, `size · size · 3` bytes. */
  logits(view: Uint8Array): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** What the caller says about a classifier. */
export interface ClassifierChoice extends ViewChoice {
  /** Class names in the order of the outputs, where the weights do not say or others are wanted. */
  readonly classes?: readonly string[];
  /** Bytes of a download so far and in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

export async function openClassifier(
  source: ClassifierSource,
  choice: ClassifierChoice,
  engine: Engine,
): Promise<OpenedClassifier> {
  if (typeof source === "string" && isOnnxFile(source)) return openFile(source, choice);
  if (typeof source !== "string" && typeof source.model === "object" && typeof source.weights === "object")
    return openInMemory(source as ModelInMemory, choice, engine);
  const opened = await openModel({ ...choice, ...namedWeights(source as string | NamedWeights) });
  const { model, weights } = opened;
  const classifier = await Classifier.create({ engine, model }, weights);
  return { ...over(classifier), view: opened.view, classes: opened.classes, notes: opened.notes, inside: opened };
}

function namedWeights(source: string | NamedWeights): Pick<ModelChoice, "weights" | "model" | "ownModel"> {
  if (typeof source !== "string") {
    const { model, weights } = source;
    if (typeof weights === "string")
      return typeof model === "object" ? { ownModel: model, weights } : { model, weights };
    throw new UsageError("A classifier of a model in memory needs its weights too; give { model, weights }.");
  }
  return modelNames().includes(source) ? { model: source, weights: "hub" } : { weights: source };
}

async function openInMemory(
  source: ModelInMemory,
  choice: ClassifierChoice,
  engine: Engine,
): Promise<OpenedClassifier> {
  const { model, weights, view = defaultView(model) } = source;
  const said = (["imageSize", "cropRatio", "interpolation", "normalization", "exif"] as const).filter(
    (key) => choice[key] !== undefined,
  );
  if (said.length > 0)
    throw new UsageError(
      `How a model in memory sees images is its own; say ${said.join(", ")} by { model, weights, view }.`,
    );
  const { names = usualClasses(model) } = outputNames(undefined, choice.classes ?? source.classes, model.name);
  if (names && names.length !== model.classes)
    throw new UsageError(
      `${names.length} class names were given, but the model "${model.name}" has ${model.classes} classes; give one name per class.`,
    );
  return {
    ...over(await Classifier.create({ engine, model }, weights)),
    ...{ view, classes: names, notes: [], inside: source },
  };
}

const over = (classifier: Classifier): Pick<OpenedClassifier, "name" | "logits" | "dispose"> => ({
  name: classifier.model.name,
  logits: (view) => classifier.logits(view, 1),
  dispose: () => classifier.dispose(),
});

/** An ONNX file as a teacher that looks at images as they are; ONNX Runtime runs it whatever the engine of models is. */
async function openFile(path: string, choice: ClassifierChoice): Promise<OpenedClassifier> {
  const recipe = parseRecipe({
    ...{ distillation: "soft", teacherWeights: path, mixup: 0, cutmix: 0, eraseProbability: 0 },
    ...(choice.normalization === undefined ? {} : { teacherNormalization: choice.normalization }),
    ...(choice.imageSize === undefined ? {} : { teacherImageSize: choice.imageSize }),
  });
  const { description } = await describeTeacher(path, recipe);
  const { names, notes } = outputNames(description.classes, choice.classes, path);
  if (!names)
    throw new UsageError(
      `"${path}" does not name its classes, nor does a file beside it; name them in order by classes.`,
    );
  const teacher = await openOnnxTeacher(path, recipe, description.classes ?? names);
  const answers = await teacher.open({ normalization: imagenetNormalization }, 1);
  const indices = new Int32Array(1);
  const { cropRatio, cropMode, interpolation, exif } = teacher.view(choice);
  return {
    name: path,
    view: {
      ...{ cropRatio, cropMode, interpolation, exif },
      // Its pixels are renormalised for it.
      ...{ imageSize: answers.viewSize, normalization: imagenetNormalization },
    },
    classes: names,
    notes,
    logits: async (images) => {
      const shownTo = { step: 0, first: 0, images, labels: indices, indices, count: 1 };
      return (await answers.answer(0, 0, shownTo)).data as Float32Array;
    },
    dispose: () => answers.close(),
  };
}
