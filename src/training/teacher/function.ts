/** A teacher that is the caller's function: from the student's images to logits. */

import { createHash } from "node:crypto";
import { startOnnxEngine } from "../../engines/onnx/engine.js";
import { DeitError, TrainingError, UsageError } from "../../errors/errors.js";
import { reasonOf } from "../../errors/message-of.js";
import { classColumns } from "../../evaluation/class-mapping.js";
import { type NormalizationChoice, normalizationOf } from "../../evaluation/normalization.js";
import { teacherNames } from "../../evaluation/onnx-file/names.js";
import { type ImageSize, imageSizeOption, isImageSize } from "../../geometry/image-size.js";
import type { Model } from "../../models/model.js";
import { type ResampleFilter, resizeImages } from "../../models/resample.js";
import { type HostTensor, hostTensor, program } from "../../tensor/index.js";
import { stepData } from "../feed/step-data.js";
import type { Recipe } from "../recipe/recipe.js";
import { answerKind } from "../recipe/teachers.js";
import { batchImages, batchRows, batchTransformOf } from "../step/batch/index.js";
import { renormalize } from "../step/batch/renormalize.js";
import type { AnswerKind } from "../step/distillation/mode.js";
import type { AnsweringTeacher, TeacherAnswers } from "./answers.js";
import { decisions } from "./decisions.js";

/** A batch of images as passed to a teacher function. */
export interface TeacherImages {
  /** The type of each number. */
  readonly dtype: "float32";
  /** `[batch, height, width, channels]` with the channels of the student's images: red, green and blue last. */
  readonly shape: readonly [batch: number, height: number, width: number, channels: number];
  /** Row by row, normalised as requested by the teacher. The function may keep it. */
  readonly data: Float32Array;
}

/** Logits `[batch, classes]`: with their shape, or a list of numbers for each image. */
export type TeacherLogits =
  | {
      /** `[batch, classes]`. */
      readonly shape: readonly number[];
      /** The logits image by image, `batch · classes` numbers. */
      readonly data: ArrayLike<number>;
    }
  | readonly ArrayLike<number>[];

/** From images to logits, before any softmax. */
export type TeacherFunction = (images: TeacherImages) => Promise<TeacherLogits> | TeacherLogits;

/** A teacher function, and its preprocessing. */
export interface OwnTeacher {
  /** The function. What it throws ends the training with a TrainingError. */
  readonly answer: TeacherFunction;
  /** Its name in messages and in the recipe of the run (default: "teacher"). */
  readonly name?: string;
  /** Size of its images in pixels, to which the student's are resized (default: the student's). */
  readonly imageSize?: ImageSize;
  /** How they are resized (default: bicubic). */
  readonly interpolation?: ResampleFilter;
  /** How its images are normalised, `none` for values from 0 to 1 (default: like the student's). */
  readonly normalization?: NormalizationChoice;
  /** Names of its outputs in order, matched with the data's classes by name (default: the data's classes). */
  readonly classes?: readonly string[];
  /**
   * Distinguishes its outputs from those of another teacher: a string that changes with them, such as a version or the
   * hash of its weights. It is required for storing outputs and for recognising the same teacher when a run is resumed.
   */
  readonly identity?: string;
}

/** The function as the recipe's teacher; `classes` are those of the data. */
export function openOwnTeacher(
  own: OwnTeacher,
  recipe: Recipe,
  classes: readonly string[],
  kind = answerKind(recipe),
): AnsweringTeacher {
  const { identity, imageSize, interpolation = "bicubic", normalization } = own;
  if (imageSize !== undefined && !isImageSize(imageSize))
    throw new UsageError(`The teacher's imageSize is ${JSON.stringify(imageSize)}; give ${imageSizeOption.expected}.`);
  const use = [imageSize, interpolation, normalization && normalizationOf(normalization), own.classes, classes];
  return {
    kind: "answers",
    name: recipe.teacherWeights ?? own.name ?? "teacher",
    identity:
      identity === undefined
        ? undefined
        : createHash("sha256")
            .update(JSON.stringify(["function", identity, ...use]))
            .digest("hex"),
    open: (student, batch, describe) => open({ own, recipe, kind, classes, student, batch, describe }),
  };
}

interface Wanted {
  readonly own: OwnTeacher;
  readonly recipe: Recipe;
  readonly kind: AnswerKind;
  readonly classes: readonly string[];
  readonly student: Model;
  readonly batch: number;
  readonly describe: (index: number) => string;
}

async function open({ own, recipe, kind, classes, student, batch, describe }: Wanted): Promise<TeacherAnswers> {
  const { name = "teacher", imageSize = student.imageSize, interpolation } = own;
  const count = own.classes?.length ?? classes.length;
  const columns = own.classes && classColumns(own.classes, classes, name, teacherNames);
  columns?.require(count);
  const normalization = own.normalization
    ? normalizationOf(own.normalization, student.channels)
    : student.normalization;
  const views = batchImages(batch, student, batchTransformOf(recipe));
  const images = resizeImages(renormalize(views, student.normalization, normalization), imageSize, interpolation);
  // A separate engine, since the step's is busy with the previous run.
  const engine = startOnnxEngine();
  try {
    const executable = await engine.compile(
      program({ name: "teacher-images", outputs: { shown: images }, state: [], batch: [...batchRows, "shown"] }),
    );
    const state = await engine.createState(new Map());
    return {
      kind,
      answer: async (epoch, _run, batchOf) => {
        const data = stepData(executable.program, { recipe, epoch, batch: batchOf }, { scalars: {} });
        const shown = (await executable.run(state, data)).get("shown")!;
        const raw = checked(await called(own.answer, shown, name), { name, batch, count });
        const broken = raw.findIndex((value) => !Number.isFinite(value));
        if (broken >= 0)
          throw new TrainingError(
            `The teacher "${name}" gave for "${describe(batchOf.indices[Math.floor(broken / count)])}" a number that is infinite or NaN, so nothing was learned from it or stored; fix its function.`,
          );
        const logits = columns?.of(raw, batch) ?? raw;
        return {
          prediction:
            kind === "logits"
              ? hostTensor("float32", [batch, classes.length], logits)
              : hostTensor("int32", [batch], decisions(logits, batch)),
        };
      },
      close: () => engine.close(),
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** Calls the function; an exception ends the training with its reason. */
async function called(answer: TeacherFunction, { shape, data }: HostTensor, name: string): Promise<TeacherLogits> {
  try {
    // A copy, since the function may keep it.
    return await answer({
      dtype: "float32",
      shape: shape as unknown as TeacherImages["shape"],
      data: new Float32Array(data as Float32Array),
    });
  } catch (error) {
    if (error instanceof DeitError) throw error;
    throw new TrainingError(`The teacher "${name}" failed: ${reasonOf(error)}`, { cause: error });
  }
}

/** The numbers `[batch, count]` of an output. Throws TrainingError if it has a different shape. */
function checked(
  answer: TeacherLogits | undefined,
  { name, batch, count }: { readonly name: string; readonly batch: number; readonly count: number },
): Float32Array {
  const wanted = `logits of the shape [${batch}, ${count}], a row per image and a column per class`;
  const refuse = (found: string): TrainingError =>
    new TrainingError(`The teacher "${name}" returned ${found}; it must return ${wanted}.`);
  if (Array.isArray(answer)) {
    const rows = answer as readonly ArrayLike<number>[];
    if (rows.length !== batch) throw refuse(`${rows.length} rows`);
    const odd = rows.findIndex((row) => row?.length !== count);
    if (odd >= 0) throw refuse(`${rows[odd]?.length ?? "no"} numbers in row ${odd}`);
    const all = new Float32Array(batch * count);
    rows.forEach((row, i) => {
      all.set(row, i * count);
    });
    return all;
  }
  const { shape, data } = (answer ?? {}) as { readonly shape?: readonly number[]; readonly data?: ArrayLike<number> };
  if (!Array.isArray(shape) || typeof data?.length !== "number") throw refuse("something else than a tensor");
  if (shape.length !== 2 || shape[0] !== batch || shape[1] !== count) throw refuse(`the shape [${shape.join(", ")}]`);
  if (data.length !== batch * count) throw refuse(`${data.length} numbers`);
  return data instanceof Float32Array ? data : Float32Array.from(data);
}
