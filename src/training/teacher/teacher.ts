/** The teacher of a run: any classifier with the same classes. */

import { createHash } from "node:crypto";
import { readClassFile } from "../../data/dataset/files.js";
import { UsageError } from "../../errors/errors.js";
import { mapClasses } from "../../evaluation/class-mapping.js";
import type { ModelInMemory } from "../../evaluation/model-in-memory.js";
import { normalizationOf } from "../../evaluation/normalization.js";
import { isOnnxFile } from "../../evaluation/onnx-file/classifier.js";
import { openModel } from "../../evaluation/open-model.js";
import { seeing } from "../../evaluation/view.js";
import { sameSize, sizeInWords } from "../../geometry/image-size.js";
import { adaptWeights } from "../../models/adapt.js";
import { requireFiniteWeights } from "../../models/finite.js";
import { withHeadRows } from "../../models/head-rows.js";
import { imagenetNormalization, type Model, type Normalization } from "../../models/model.js";
import { createModel, modelNames } from "../../models/registry.js";
import { usualClasses } from "../../models/usual-classes.js";
import type { NamedTensors } from "../../tensor/index.js";
import type { Recipe } from "../recipe/recipe.js";
import type { RecipeTeacher } from "../recipe/teachers.js";
import type { AnsweringTeacher } from "./answers.js";
import { openOwnTeacher } from "./function.js";
import { inTeachersWords } from "./in-teachers-words.js";
import { openOnnxTeacher } from "./onnx.js";
import { isFunction, isOwnTeacher, type OwnTeachers, ownTeacherMissing, ownTeacherName, ownTeacherOf } from "./own.js";

/** A model of the tensor language, which runs inside the student's step. */
export interface ModelTeacher {
  readonly kind: "model";
  /** As named in the recipe's teacherWeights. */
  readonly name: string;
  readonly model: Model;
  /** Its parameters. */
  readonly weights: NamedTensors;
  /** SHA-256 of the model and all of its parameters. */
  readonly identity: string;
}

export type Teacher = ModelTeacher | AnsweringTeacher;

/**
 * Opens a teacher of a recipe. `classes` are those of the data; a teacher with named classes may have more, in any
 * order. It gets the student's views, resized if its resolution differs. `own` are teachers of the caller, to
 * which the recipe may refer. Throws UsageError if it is missing, and for a teacher of other classes.
 */
export async function openTeacher(
  { recipe, kind }: Pick<RecipeTeacher, "recipe" | "kind">,
  student: Model,
  classes: readonly string[],
  own: OwnTeachers = [],
): Promise<Teacher> {
  const { teacherWeights } = recipe;
  const passed = ownTeacherOf(own, teacherWeights);
  if (passed)
    return isFunction(passed)
      ? openOwnTeacher(passed, recipe, classes, kind)
      : modelTeacher(atResolution(passed, recipe, student), recipe, classes, ownTeacherName(passed));
  if (teacherWeights === undefined) throw new UsageError("There is no teacher; set teacherWeights to its weights.");
  if (isOwnTeacher(teacherWeights)) throw ownTeacherMissing(teacherWeights);
  return isOnnxFile(teacherWeights)
    ? openOnnxTeacher(teacherWeights, recipe, classes, kind)
    : openModelTeacher(recipe, student, classes, teacherWeights);
}

async function openModelTeacher(
  recipe: Recipe,
  student: Model,
  classes: readonly string[],
  weightsPath: string,
): Promise<ModelTeacher> {
  const { teacher: name, teacherClasses } = recipe;
  const imageSize = recipe.teacherImageSize ?? student.imageSize;
  const given = teacherClasses ? await readClassFile(teacherClasses) : undefined;
  const choice = { model: name, weights: weightsPath, imageSize, classes: given };
  const { model, weights, namedClasses } = await openModel(choice).catch((error: unknown) => {
    throw inTeachersWords(error);
  });
  return modelTeacher({ model, weights, classes: namedClasses }, recipe, classes, weightsPath);
}

/** Models that the registry can make again, for another resolution or other classes. */
const canBeRemade = ({ name }: Model): boolean => modelNames().includes(name);

/**
 * A model in memory at the resolution that weights from a file would be opened with: positions are resized. A custom model
 * keeps its own, to which the student's views are resized.
 */
function atResolution(own: ModelInMemory, { teacherImageSize }: Recipe, student: Model): ModelInMemory {
  const source = ownTeacherName(own);
  const seen = own.view ? seeing(own.model, own.view) : own.model;
  const imageSize = teacherImageSize ?? (canBeRemade(seen) ? student.imageSize : seen.imageSize);
  const same = sameSize(imageSize, seen.imageSize);
  if (!same && !canBeRemade(seen))
    throw new UsageError(
      `teacherImageSize is ${sizeInWords(imageSize)}, but the teacher "${seen.name}" is a custom model for images of ${sizeInWords(seen.imageSize)} pixels; leave it out, and the student's images are resized for it.`,
    );
  const { normalization, cropRatio } = seen;
  const model = same ? seen : { ...createModel(seen.name, { ...seen.config, imageSize }), normalization, cropRatio };
  const weights = adaptWeights(model, own.weights, { source, imageSize: seen.imageSize });
  requireFiniteWeights(weights, source);
  return { ...own, model, weights };
}

function modelTeacher(
  opened: ModelInMemory,
  recipe: Recipe,
  classes: readonly string[],
  weightsPath: string,
): ModelTeacher {
  const { teacherNormalization } = recipe;
  const names = opened.classes ?? usualClasses(opened.model);
  const indices = mapClasses(names, opened.model.classes, classes, weightsPath);
  if (indices && !canBeRemade(opened.model))
    throw new UsageError(
      `The classes of the teacher "${opened.model.name}" are not those of the data in the same order, and the outputs of a custom model cannot be chosen from; make it for the classes of the data.`,
    );
  const weights = indices ? withHeadRows(opened.model, opened.weights, indices) : opened.weights;
  const model = indices
    ? createModel(opened.model.name, { ...opened.model.config, classes: indices.length })
    : opened.model;
  const normalization =
    teacherNormalization === "auto"
      ? opened.model.normalization
      : normalizationOf(teacherNormalization, model.channels);
  return {
    kind: "model",
    name: weightsPath,
    model: { ...model, normalization },
    weights,
    identity: identityOf(
      model,
      asTold(recipe) || !sameNormalization(normalization, imagenetNormalization)
        ? [normalization, recipe.teacherInterpolation]
        : [],
      weights,
    ),
  };
}

/** Whether the recipe changes the teacher's preprocessing. */
const asTold = ({ teacherImageSize, teacherNormalization }: Recipe): boolean =>
  teacherImageSize !== undefined || teacherNormalization !== "auto";

const sameNormalization = (a: Normalization, b: Normalization): boolean => JSON.stringify(a) === JSON.stringify(b);

function identityOf({ name, config }: Model, views: readonly unknown[], weights: NamedTensors): string {
  const hash = createHash("sha256").update(JSON.stringify([name, config, ...views]));
  for (const [key, { shape, data }] of [...weights].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(JSON.stringify([key, shape])).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
