/** Teachers that the caller passes, which no file holds: how a recipe refers to them. */
import { UsageError } from "../../errors/errors.js";
import type { ModelInMemory } from "../../evaluation/model-in-memory.js";
import type { Recipe } from "../recipe/recipe.js";
import type { OwnTeacher } from "./function.js";

/** A teacher that the caller passes: a function from images to logits, or a model in memory. */
export type PassedTeacher = OwnTeacher | ModelInMemory;

/** One of them, or those of a recipe with several teachers. */
export type OwnTeachers = PassedTeacher | readonly PassedTeacher[];

/** Those for the teachers of a recipe: of a list of teachers, even a single one must be referred to by its name. */
export const ownTeachersFor = ({ teachers }: Pick<Recipe, "teachers">, own?: OwnTeachers): OwnTeachers | undefined =>
  teachers && own ? [own].flat() : own;

/**
 * The one that `teacherWeights` refers to; a single one is meant by whatever it says. Undefined if there is none.
 */
export function ownTeacherOf(own: OwnTeachers, teacherWeights: string | undefined): PassedTeacher | undefined {
  if (!isList(own)) return own;
  return own.find((teacher) => ownTeacherName(teacher) === teacherWeights);
}

const isList = (own: OwnTeachers): own is readonly PassedTeacher[] => Array.isArray(own);

export const isFunction = (teacher: PassedTeacher): teacher is OwnTeacher => "answer" in teacher;

/** What stands before its name in a recipe. */
const prefixes = { function: "function:", model: "memory:" } as const;

/** The teacher as named in a recipe's `teacherWeights`. */
export const ownTeacherName = (teacher: PassedTeacher): string =>
  isFunction(teacher) ? `${prefixes.function}${teacher.name ?? "teacher"}` : `${prefixes.model}${teacher.model.name}`;

/** Whether `teacherWeights` refers to a teacher that the caller passes. */
export const isOwnTeacher = (teacherWeights: string): boolean =>
  Object.values(prefixes).some((prefix) => teacherWeights.startsWith(prefix));

/** The error for a recipe with such a teacher if it is missing. */
export function ownTeacherMissing(teacherWeights: string): UsageError {
  const [kind, prefix] = teacherWeights.startsWith(prefixes.function)
    ? ["function", prefixes.function]
    : ["model in memory", prefixes.model];
  return new UsageError(
    `The teacher "${teacherWeights.slice(prefix.length)}" of the recipe is a ${kind}, which no file holds; pass it again as the teacher, to distil() of the library.`,
  );
}

/** The error for a teacher whose outputs cannot be distinguished from those of others. */
export const unknownIdentity = ({ name }: { readonly name: string }): UsageError =>
  new UsageError(
    `Stored predictions cannot be matched with the teacher "${name.replace(/^function:/, "")}"; give it an identity, a string that changes with its predictions, or use it without teacherCache.`,
  );
