/** The teaching of a run: none, a model inside the step, or outputs computed outside it. */

import type { ProcessGroup } from "../../cluster/process-group.js";
import type { Dataset } from "../../data/dataset/dataset.js";
import { UsageError } from "../../errors/errors.js";
import type { Model } from "../../models/model.js";
import { needsTeacher, type Recipe } from "../recipe/recipe.js";
import type { FeatureDistillation } from "../step/features.js";
import type { TeacherAnswers } from "./answers.js";
import { openTeacherCache, unknownIdentity } from "./cache.js";
import { featuresBetween } from "./features.js";
import type { PassedTeacher } from "./own.js";
import { type ModelTeacher, openTeacher } from "./teacher.js";

export interface Teaching {
  /** Identifies the teacher, in the run's manifest. */
  readonly identity?: string;
  readonly teacher?: ModelTeacher;
  readonly answers?: TeacherAnswers;
  /** What the student imitates besides. */
  readonly features?: FeatureDistillation;
}

/** The teacher, if the recipe has one: as a model in the step, or by its outputs; `own` is one that the caller passes. */
export async function openTeaching(
  recipe: Recipe,
  data: Dataset,
  student: Model,
  group: ProcessGroup,
  own?: PassedTeacher,
): Promise<Teaching> {
  if (!needsTeacher(recipe)) return {};
  const teacher =
    recipe.teacherWeights === undefined ? undefined : await openTeacher(recipe, student, data.classes, own);
  if (recipe.teacherCache !== undefined && teacher && teacher.identity === undefined) throw unknownIdentity(teacher);
  if (recipe.teacherCache !== undefined) {
    const answers = await openTeacherCache(recipe.teacherCache, recipe, data, student, teacher?.identity);
    return { answers, features: answers.features };
  }
  const identity = teacher?.identity;
  const features = teacher && featuresBetween(recipe, student, teacher);
  if (teacher?.kind !== "answers") return { identity, teacher, features };
  if (group.count > 1)
    throw new UsageError(
      `"${recipe.teacherWeights}" cannot teach several processes at once; store its predictions with deit teach and give them as teacherCache.`,
    );
  return { identity, answers: await teacher.open(student, recipe.batchSize / recipe.accumulate, data.describe) };
}
