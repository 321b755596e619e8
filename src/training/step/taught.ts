/** What a teacher says of the images of a step: worked out by a model in the same program, or given to it. */
import { ShapeError } from "../../errors/errors.js";
import { decisionLogits, observingContext, parameterInputs } from "../../models/context.js";
import type { Model } from "../../models/model.js";
import { type ResampleFilter, resizeImages } from "../../models/resample.js";
import {
  cast,
  finite,
  type HostTensor,
  input,
  iota,
  max,
  reduceMax,
  reduceSum,
  select,
  sub,
  type Tensor,
} from "../../tensor/index.js";
import { renormalize } from "./batch/renormalize.js";
import type { TeacherAnswer } from "./distillation/mode.js";
import { type FeatureDistillation, ofPair, taughtFeatures } from "./features.js";

/** Program inputs with a teacher's outputs from outside. */
export const taughtInputs = {
  /** Logits, float32 `[batch, classes]`. */
  logits: "teacherLogits",
  /** Classes, int32 `[batch]`. */
  labels: "teacherLabels",
  /** Normalised features, float32 `[batch, rows, columns, channels]`; see `featuresInput`. */
  features: "teacherFeatures",
} as const;

/** The input with the features of one of several layers. */
export const featuresInput = (index: number): string => ofPair(taughtInputs.features, index);

/** The input with the logits of one of several teachers. */
export const logitsInput = (index: number): string => `${taughtInputs.logits}.${index}`;

/** A teacher's outputs for a batch. */
export interface Answer {
  /** Its predictions: int32 `[batch]`, or float32 `[batch, classes]`. */
  readonly prediction: HostTensor;
  /** Its features, float32 `[batch, rows, columns, channels]`, of each layer that the run imitates; undefined for one not stored. */
  readonly features?: readonly (HostTensor | undefined)[];
}

/** Prefix of a teacher's parameters in the state. */
export const teacherPrefix = "teacher.";

/** The same for one of several teachers. */
export const prefixOf = (index: number): string => `${teacherPrefix}${index}.`;

/** One of several teachers of a step. */
export interface StepTeacher {
  /** A model that runs in the same program, or `logits` for the input `teacherLogits.<index>`. */
  readonly source: Model | "logits";
  /** Its share of the mean of all teachers' probabilities; all shares sum to 1. */
  readonly share: number;
  /** How views are resized for it (default: bicubic). */
  readonly interpolation?: ResampleFilter;
  /** Whether it is the one whose layers are imitated, with `features`. */
  readonly imitated?: boolean;
}

/** What a teacher in the program says. */
export interface TeacherOutputs {
  /** float32 `[batch, classes]`. */
  readonly logits: Tensor;
  /** float32 `[batch, rows, columns, channels]` of each layer that is asked for. */
  readonly features: readonly Tensor[];
}

export interface TeacherUse {
  /** Prefix of its parameters (default: `teacherPrefix`). */
  readonly prefix?: string;
  /** How the student's images are resized for it (default: bicubic). */
  readonly interpolation?: ResampleFilter;
  /** The layers that are imitated, and their grids. */
  readonly features?: readonly Pick<FeatureDistillation, "teacher" | "grid">[];
}

/** The teacher's outputs for the student's images, resized to the teacher's resolution. */
export function teacherOutputs(
  teacher: Model,
  student: Model,
  images: Tensor,
  { prefix = teacherPrefix, interpolation = "bicubic", features = [] }: TeacherUse = {},
): TeacherOutputs {
  if (teacher.classes !== student.classes) {
    throw new ShapeError(
      `Teacher and student must have the same classes, but the teacher ${teacher.name} has ${teacher.classes} and the student ${student.name} has ${student.classes}; choose a matching teacher.`,
    );
  }
  const seen = renormalize(images, student.normalization, teacher.normalization);
  const context = observingContext(parameterInputs(teacher, prefix), (name) =>
    features.some((layer) => layer.teacher === name),
  );
  const output = teacher.forward(context, resizeImages(seen, teacher.imageSize, interpolation));
  return {
    logits: decisionLogits(output),
    features: features.map((layer) => taughtFeatures(teacher, context.observed.get(layer.teacher)!, layer)),
  };
}

/** The input for a teacher's stored predictions. */
export const storedAnswer = ({ classes }: Model, batch: number, kind: "logits" | "labels"): TeacherAnswer => ({
  kind,
  tensor:
    kind === "labels"
      ? input(taughtInputs.labels, "int32", [batch])
      : input(taughtInputs.logits, "float32", [batch, classes]),
});

/** The inputs for a teacher's stored features. */
export const storedFeatures = (batch: number, features: readonly FeatureDistillation[]): readonly Tensor[] =>
  features.map(({ grid, channels }, index) => input(featuresInput(index), "float32", [batch, ...grid, channels]));

/**
 * 0 if all outputs of the teacher are finite; else the batch size minus the index of the first image with one that is
 * not. A predicted class would not show the problem.
 */
export function brokenRows(outputs: readonly Tensor[]): Tensor {
  const [[batch]] = outputs.map(({ shape }) => shape);
  const fromEnd = sub(batch, cast(iota("int32", [batch], 0), "float32"));
  return outputs
    .map((output) => {
      const sound = finite(reduceSum(output, output.shape.map((_, axis) => axis).slice(1)));
      return reduceMax(select(sound, 0, fromEnd));
    })
    .reduce((a, b) => max(a, b));
}
