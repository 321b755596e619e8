/** What a step takes from its teachers: one or several, each in the same program or given to it. */
import type { Model } from "../../models/model.js";
import type { ResampleFilter } from "../../models/resample.js";
import { add, compare, input, type Shape, select, type Tensor } from "../../tensor/index.js";
import type { SharedLogits, TeacherAnswer } from "./distillation/mode.js";
import type { FeatureDistillation } from "./features.js";
import {
  brokenRows,
  logitsInput,
  prefixOf,
  type StepTeacher,
  storedAnswer,
  storedFeatures,
  teacherOutputs,
  teacherPrefix,
} from "./taught.js";

/** Where the teacher's outputs come from, see `StepOptions.teacher`. */
export type TeacherSource = Model | "logits" | "labels" | readonly StepTeacher[];

export interface TeachersOptions {
  readonly teacher: TeacherSource;
  readonly interpolation?: ResampleFilter;
  /** Whether the distillation needs predictions. */
  readonly predicts: boolean;
  readonly features?: readonly FeatureDistillation[];
}

/** Outputs of the teachers for the images of a step. */
export interface Taught {
  readonly answer?: TeacherAnswer;
  /** `[batch, rows, columns, channels]` of each layer that is imitated. */
  readonly features?: readonly Tensor[];
  /** The parameters of teachers in the program, by their names in its state. */
  readonly frozen?: ReadonlyMap<string, Shape>;
  /** Outputs of each teacher that are computed in the program; none for one from outside. */
  readonly inside: readonly (readonly Tensor[])[];
}

/** The teachers' outputs for the student's `images`. */
export function taughtBy(student: Model, images: Tensor, options: TeachersOptions): Taught {
  const { teacher, predicts, features = [], interpolation } = options;
  if (!predicts && features.length === 0) return { inside: [] };
  if (isList(teacher)) return several(student, images, teacher, options);
  const [batch] = images.shape;
  if (typeof teacher === "string")
    return {
      answer: predicts ? storedAnswer(student, batch, teacher) : undefined,
      features: storedFeatures(batch, features),
      inside: [],
    };
  const outputs = teacherOutputs(teacher, student, images, { interpolation, features });
  return {
    answer: predicts ? { kind: "logits", tensor: outputs.logits } : undefined,
    features: outputs.features,
    frozen: parametersOf(teacher, teacherPrefix),
    inside: [[...(predicts ? [outputs.logits] : []), ...outputs.features]],
  };
}

function several(
  student: Model,
  images: Tensor,
  teachers: readonly StepTeacher[],
  { features = [] }: TeachersOptions,
): Taught {
  const [batch] = images.shape;
  const frozen = new Map<string, Shape>();
  const inside: Tensor[][] = [];
  const of: SharedLogits[] = [];
  let imitated: readonly Tensor[] = [];
  teachers.forEach(({ source, share, interpolation, imitated: shows }, index) => {
    const layers = shows ? features : [];
    if (source === "logits") {
      of.push({ share, logits: input(logitsInput(index), "float32", [batch, student.classes]) });
      inside.push([]);
      if (shows) imitated = storedFeatures(batch, layers);
      return;
    }
    const prefix = prefixOf(index);
    const outputs = teacherOutputs(source, student, images, { prefix, interpolation, features: layers });
    of.push({ share, logits: outputs.logits });
    inside.push([outputs.logits, ...outputs.features]);
    if (shows) imitated = outputs.features;
    for (const [name, shape] of parametersOf(source, prefix)) frozen.set(name, shape);
  });
  return { answer: { kind: "mean", of }, features: imitated, frozen, inside };
}

/** Inputs with outputs of teachers, whose first axis is the batch. */
export const severalInputs = (teacher: TeacherSource | undefined): readonly string[] =>
  isList(teacher) ? teacher.map((_, index) => logitsInput(index)) : [];

const isList = (teacher: TeacherSource | undefined): teacher is readonly StepTeacher[] => Array.isArray(teacher);

const parametersOf = ({ parameters }: Model, prefix: string): ReadonlyMap<string, Shape> =>
  new Map(parameters.map(({ name, shape }) => [prefix + name, shape]));

/** Where a teacher's output is not finite: which teacher, and the row of the batch. */
export interface BrokenPlace {
  readonly teacher: number;
  readonly row: number;
}

/**
 * 0 if all outputs of teachers in the program are finite; else a number that `brokenPlace` reads. Undefined if none is in
 * the program.
 */
export function brokenTeachers(inside: readonly (readonly Tensor[])[], batch: number): Tensor | undefined {
  return inside.reduceRight<Tensor | undefined>((later, outputs, index) => {
    if (outputs.length === 0) return later;
    const rows = brokenRows(outputs);
    const own = index === 0 ? rows : add(rows, index * batch);
    if (later) return select(compare("GT", rows, 0), own, later);
    return index === 0 ? rows : select(compare("GT", rows, 0), own, 0);
  }, undefined);
}

/** Where the first output is that is not finite, from the program's number above 0. */
export function brokenPlace(value: number, batch: number): BrokenPlace {
  const teacher = Math.floor((value - 1) / batch);
  return { teacher, row: batch - (value - teacher * batch) };
}
