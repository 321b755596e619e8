/** A teacher from an ONNX file of any origin: runs in its own worker concurrently with the student's step. */
import { readClassFile } from "../../data/dataset/files.js";
import { classColumns } from "../../evaluation/class-mapping.js";
import {
  type OnnxClassifier,
  type OnnxClassifierChoice,
  openOnnxClassifier,
} from "../../evaluation/onnx-file/classifier.js";
import { teacherNames } from "../../evaluation/onnx-file/names.js";
import type { Model } from "../../models/model.js";
import { hostTensor } from "../../tensor/index.js";
import { stepData } from "../feed/step-data.js";
import type { Recipe } from "../recipe/recipe.js";
import { answerKind } from "../recipe/teachers.js";
import { batchImages, batchTransformOf } from "../step/batch/index.js";
import { renormalize } from "../step/batch/renormalize.js";
import type { AnswerKind } from "../step/distillation/mode.js";
import type { AnsweringTeacher, TeacherAnswers } from "./answers.js";
import { decisions } from "./decisions.js";
import { requireFiniteAnswers } from "./finite-answers.js";

/** A recipe's teacher settings, as options for opening an ONNX file. */
export async function onnxChoiceOf(recipe: Recipe): Promise<OnnxClassifierChoice> {
  const { teacherNormalization, teacherAnswers, teacherClasses } = recipe;
  return {
    normalization: teacherNormalization === "auto" ? undefined : teacherNormalization,
    imageSize: recipe.teacherImageSize,
    interpolation: recipe.teacherInterpolation,
    classes: teacherClasses === undefined ? undefined : await readClassFile(teacherClasses),
    output: recipe.teacherOutput,
    answers: teacherAnswers === "auto" ? undefined : teacherAnswers,
  };
}

/**
 * Reads the description of the classifier in `path`; `classes` are those of the data. Its identity is the SHA-256 of
 * the file, of its external weights files, and of how it is used.
 */
export async function openOnnxTeacher(
  path: string,
  recipe: Recipe,
  classes: readonly string[],
  kind = answerKind(recipe),
): Promise<AnsweringTeacher & { readonly identity: string }> {
  const choice = await onnxChoiceOf(recipe);
  const file = await openOnnxClassifier(path, choice, teacherNames);
  const told = [choice.output, choice.answers].filter((setting) => setting !== undefined);
  return {
    kind: "answers",
    name: path,
    identity: await file.identity([classes, ...told]),
    open: (student, batch, describe) => open({ file, recipe, kind, classes, student, batch, describe }),
  };
}

interface Wanted {
  readonly file: OnnxClassifier;
  readonly recipe: Recipe;
  readonly kind: AnswerKind;
  readonly classes: readonly string[];
  readonly student: Model;
  readonly batch: number;
  readonly describe: (index: number) => string;
}

async function open({ file, recipe, kind, classes, student, batch, describe }: Wanted): Promise<TeacherAnswers> {
  const { path, description } = file;
  // The same views as the student's.
  const loaded = await file.load({
    ...{ batch, imageSize: student.imageSize, classes: classes.length },
    images: (_, normalization) => {
      const views = batchImages(batch, student, batchTransformOf(recipe));
      return renormalize(views, student.normalization, normalization);
    },
  });
  const columns = classColumns(description.classes, classes, path, teacherNames);
  try {
    // Checked before training starts, if the file states its number of classes.
    if (loaded.classes !== undefined) columns.require(loaded.classes);
  } catch (error) {
    await loaded.close();
    throw error;
  }
  return {
    kind,
    answer: async (epoch, _run, views) => {
      const raw = await loaded.run(stepData(loaded.program, { recipe, epoch, batch: views }, { scalars: {} }));
      const image = (row: number) => describe(views.indices[row]);
      requireFiniteAnswers(raw, batch, { teacher: path, image });
      const logits = columns.of(loaded.logits(raw, kind === "labels" ? "order suffices" : undefined), batch);
      return {
        prediction:
          kind === "logits"
            ? hostTensor("float32", [batch, classes.length], logits)
            : hostTensor("int32", [batch], decisions(logits, batch)),
      };
    },
    close: () => loaded.close(),
  };
}
