/** The teaching of a run: none, models inside the step, or outputs computed outside it. */
import { createHash } from "node:crypto";
import type { ProcessGroup } from "../../cluster/process-group.js";
import type { Dataset } from "../../data/dataset/dataset.js";
import { UsageError } from "../../errors/errors.js";
import type { Model } from "../../models/model.js";
import type { HostTensor, NamedTensors } from "../../tensor/index.js";
import { refuseNativeTeacher } from "../recipe/native.js";
import type { Recipe } from "../recipe/recipe.js";
import { refuseTeacherOfOneSize } from "../recipe/size-schedule.js";
import { needsTeacher, type RecipeTeacher, teachersOf } from "../recipe/teachers.js";
import type { FeatureDistillation } from "../step/features.js";
import { featuresInput, logitsInput, prefixOf, type StepTeacher, taughtInputs, teacherPrefix } from "../step/taught.js";
import type { TeacherSource } from "../step/teachers.js";
import type { TaughtBatches, TeacherAnswers } from "./answers.js";
import { featuresBetween } from "./features.js";
import { type OwnTeachers, ownTeachersFor, unknownIdentity } from "./own.js";
import { openTeacherCache } from "./replay.js";
import { type ModelTeacher, openTeacher } from "./teacher.js";

export interface Teaching {
  /** Identifies the teachers, in the run's manifest. */
  readonly identity?: string;
  /** Where the step has their outputs from. */
  readonly source?: TeacherSource;
  /** Parameters of those in the step, by their names in its state. */
  readonly frozen?: NamedTensors;
  /** Outputs of those outside of it. */
  readonly batches?: TaughtBatches;
  /** The layers that the student imitates besides. */
  readonly features?: readonly FeatureDistillation[];
}

/** One teacher, open. */
type OpenTeacher = { readonly identity?: string; readonly features: readonly FeatureDistillation[] } & (
  | { readonly kind: "model"; readonly teacher: ModelTeacher }
  | { readonly kind: "answers"; readonly answers: TeacherAnswers }
);

/** The teachers, if the recipe has any: as models in the step, or by their outputs; `own` are those that the caller passes. */
export async function openTeaching(
  recipe: Recipe,
  data: Dataset,
  student: Model,
  group: ProcessGroup,
  own?: OwnTeachers,
): Promise<Teaching> {
  if (!needsTeacher(recipe)) return {};
  const named = teachersOf(recipe);
  const passed = ownTeachersFor(recipe, own);
  const opened: OpenTeacher[] = [];
  try {
    for (const each of named) opened.push(await openOne(each, { data, student, group, own: passed }));
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
  return recipe.teachers ? ofSeveral(named, opened) : ofOne(opened[0]);
}

interface Opening {
  readonly data: Dataset;
  readonly student: Model;
  readonly group: ProcessGroup;
  readonly own?: OwnTeachers;
}

async function openOne(each: RecipeTeacher, { data, student, group, own }: Opening): Promise<OpenTeacher> {
  const { recipe, kind } = each;
  const { teacherWeights, teacherCache } = recipe;
  const teacher = teacherWeights === undefined ? undefined : await openTeacher(each, student, data.classes, own);
  const identity = teacher?.identity;
  if (teacherCache !== undefined) {
    if (teacher && identity === undefined) throw unknownIdentity(teacher);
    const answers = await openTeacherCache(teacherCache, { recipe, kind }, data, student, identity);
    return { kind: "answers", answers, features: answers.features ?? [], identity: answers.identity };
  }
  const features = featuresBetween(recipe, student, teacher!);
  if (teacher?.kind === "model") return { kind: "model", teacher, features, identity };
  if (group.count > 1)
    throw new UsageError(
      `"${teacherWeights}" cannot teach several processes at once; store its predictions with deit teach and give them as teacherCache.`,
    );
  refuseNativeTeacher(recipe);
  refuseTeacherOfOneSize(recipe);
  const answers = await teacher!.open(student, recipe.batchSize / recipe.accumulate, data.describe);
  return { kind: "answers", answers, features: [], identity };
}

/** Of a single teacher, the identity of stored outputs is left to their manifest. */
function ofOne(one: OpenTeacher): Teaching {
  const { identity, features } = one;
  if (one.kind === "model") {
    const { model, weights } = one.teacher;
    return { identity, features, source: model, frozen: withPrefix(weights, teacherPrefix) };
  }
  const { answers } = one;
  const predictions = answers.kind === "labels" ? taughtInputs.labels : taughtInputs.logits;
  const batches = batchesOf([[answers, predictions]]);
  return {
    identity: answers.identity ? undefined : identity,
    features,
    source: answers.kind,
    batches,
  };
}

function ofSeveral(named: readonly RecipeTeacher[], opened: readonly OpenTeacher[]): Teaching {
  const source = opened.map((one, index): StepTeacher => {
    const { share, recipe } = named[index];
    const common = { share, imitated: one.features.length > 0 };
    return one.kind === "model"
      ? { ...common, source: one.teacher.model, interpolation: recipe.teacherInterpolation }
      : { ...common, source: "logits" };
  });
  const frozen = opened.flatMap((one, index) =>
    one.kind === "model" ? [...withPrefix(one.teacher.weights, prefixOf(index))] : [],
  );
  const outside = opened.flatMap((one, index) =>
    one.kind === "answers" ? [[one.answers, logitsInput(index)] as const] : [],
  );
  return {
    identity: together(opened.map(({ identity }) => identity)),
    features: opened.find(({ features }) => features.length > 0)?.features,
    source,
    frozen: new Map(frozen),
    batches: outside.length > 0 ? batchesOf(outside) : undefined,
  };
}

const withPrefix = (weights: NamedTensors, prefix: string): NamedTensors =>
  new Map([...weights].map(([name, tensor]) => [prefix + name, tensor]));

/** The identity of all; undefined if one is unknown. */
function together(identities: readonly (string | undefined)[]): string | undefined {
  return identities.includes(undefined)
    ? undefined
    : createHash("sha256").update(JSON.stringify(identities)).digest("hex");
}

/** Outputs of teachers as inputs of the step, each with the name of the input for its predictions. */
function batchesOf(teachers: readonly (readonly [TeacherAnswers, predictions: string])[]): TaughtBatches {
  return {
    answer: async (epoch, run, batch) => {
      const each = await Promise.all(
        teachers.map(async ([answers, input]): Promise<[string, HostTensor][]> => {
          const { prediction, features } = await answers.answer(epoch, run, batch);
          return [
            [input, prediction],
            ...(features ?? []).flatMap((one, index): [string, HostTensor][] =>
              one ? [[featuresInput(index), one]] : [],
            ),
          ];
        }),
      );
      return new Map(each.flat());
    },
    close: async () => {
      await Promise.all(teachers.map(([answers]) => answers.close()));
    },
  };
}

async function closeAll(opened: readonly OpenTeacher[]): Promise<void> {
  for (const one of opened) if (one.kind === "answers") await one.answers.close().catch(() => undefined);
}
