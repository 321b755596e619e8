/** The teachers of a recipe: one, or several whose predictions are averaged. */
import { UsageError } from "../../errors/errors.js";
import { didYouMean } from "../../errors/nearest.js";
import { quoted } from "../../errors/quoted.js";
import { neededAnswer } from "../step/distillation/index.js";
import type { AnswerKind } from "../step/distillation/mode.js";
import { featurePairs } from "../step/features.js";
import { type Recipe, recipeSchema } from "./schema.js";
import { oneTeacher } from "./teacher-settings.js";

/** One of the teachers of a recipe. */
export interface RecipeTeacher {
  /** What it is called among several. */
  readonly name: string;
  /** Its share of the mean; all shares sum to 1. */
  readonly share: number;
  /** Which of its outputs the run needs. */
  readonly kind: AnswerKind;
  /** The recipe as if this were its only teacher; without features if another one shows them. */
  readonly recipe: Recipe;
}

/** Whether a run learns from a teacher: its predictions or its features. */
export const needsTeacher = ({ distillation, features }: Pick<Recipe, "distillation" | "features">): boolean =>
  neededAnswer(distillation) !== undefined || features !== undefined;

/** Which outputs of a recipe's only teacher its distillation needs; of one that only shows features the decisions. */
export const answerKind = ({ distillation }: Pick<Recipe, "distillation">): AnswerKind =>
  neededAnswer(distillation) ?? "labels";

/** The teachers that a recipe names, in its order; only one has the name "teacher". */
export function teachersOf(recipe: Recipe): readonly RecipeTeacher[] {
  const { teachers, teacherCache: all, features: _, ...rest } = recipe;
  if (!teachers) {
    const named = recipe.teacherWeights !== undefined || all !== undefined;
    return named ? [{ name: "teacher", share: 1, kind: answerKind(recipe), recipe }] : [];
  }
  const sum = teachers.reduce((total, { weight }) => total + weight, 0);
  return teachers.map(({ name: __, weight, teacherCache, ...one }, index) => {
    const name = nameOf(recipe, index);
    const stored = all === undefined ? undefined : `${all.replace(/[\\/]+$/, "")}/${name}`;
    return {
      name,
      share: weight / sum,
      // A mean needs probabilities, even if only its largest is learned.
      kind: "logits",
      recipe: {
        ...{ ...rest, ...one, teachers: undefined, teacherCache: teacherCache ?? stored },
        features: shownBy(recipe, name),
      },
    };
  });
}

/** The pairs of layers that this teacher shows, for a recipe with it alone. */
function shownBy({ features }: Recipe, name: string): Recipe["features"] {
  const pairs = featurePairs(features);
  if (pairs.length === 0 || (pairs[0].from ?? name) !== name) return undefined;
  return pairs.map((pair) => ({ ...pair, from: undefined }));
}

const nameOf = ({ teachers }: Recipe, index: number): string => teachers?.[index].name ?? `teacher-${index + 1}`;

/** Throws UsageError for a recipe whose teachers are missing or contradict each other. */
export function requireTeachers(recipe: Recipe): void {
  const { teachers, distillation, teacherWeights, teacherCache } = recipe;
  const pairs = featurePairs(recipe.features);
  if (!teachers) {
    const from = pairs.find((pair) => pair.from !== undefined)?.from;
    if (from !== undefined)
      throw new UsageError(
        `features.from names the teacher ${quoted(from)}, but the recipe has no list of teachers; remove it, or name the teachers in teachers.`,
      );
    if (needsTeacher(recipe) && teacherWeights === undefined && teacherCache === undefined)
      throw new UsageError(
        `${needingTeacher(recipe)}, but there is no teacher; set teacherWeights to a weights file or run folder, or teacherCache to stored predictions.`,
      );
    return;
  }
  const usual = (key: keyof typeof recipeSchema.shape) => recipeSchema.shape[key].parse(undefined);
  const beside = oneTeacher.find((key) => key !== "teacherCache" && differs(recipe[key], usual(key)));
  if (beside)
    throw new UsageError(
      `The recipe has both ${beside} and a list of teachers; write ${beside} into the teachers that it is meant for.`,
    );
  const names = teachers.map((_, index) => nameOf(recipe, index));
  teachers.forEach((one, index) => {
    if (one.teacherWeights === undefined && one.teacherCache === undefined && teacherCache === undefined)
      throw new UsageError(
        `There are no weights for the teacher ${quoted(names[index])}; set teacherWeights in teachers to a weights file or run folder, or teacherCache to stored predictions.`,
      );
    if (names.indexOf(names[index]) < index)
      throw new UsageError(`Two teachers are called ${quoted(names[index])}; give each a name of its own in teachers.`);
  });
  const [features, ...others] = pairs;
  if (!features) return;
  if (features.from === undefined && teachers.length > 1)
    throw new UsageError(
      `The recipe has features of a layer "${features.teacher}", and ${teachers.length} teachers that could show it; set features.from to one of ${names.map(quoted).join(", ")}.`,
    );
  if (features.from !== undefined && !names.includes(features.from))
    throw new UsageError(
      `features.from names the teacher ${quoted(features.from)}${didYouMean(features.from, names)} The recipe's teachers are ${names.map(quoted).join(", ")}.`,
    );
  const elsewhere = others.find(({ from }) => from !== features.from);
  if (elsewhere)
    throw new UsageError(
      `The features of a recipe are layers of one teacher, but those of "${features.teacher}" are of ${quoted(features.from ?? names[0])} and those of "${elsewhere.teacher}" of ${quoted(elsewhere.from ?? names[0])}; give all the same features.from.`,
    );
  if (neededAnswer(distillation) === undefined && teachers.length > 1)
    throw new UsageError(
      `The recipe learns features of the teacher ${quoted(features.from ?? names[0])} and nothing of its other teachers, since its distillation is "${distillation}"; set distillation, or leave the others out.`,
    );
}

const differs = (a: unknown, b: unknown): boolean => JSON.stringify(a) !== JSON.stringify(b);

/** What of the recipe needs a teacher, as the beginning of a sentence. */
const needingTeacher = ({ distillation, features }: Recipe): string =>
  neededAnswer(distillation)
    ? `The recipe's distillation is "${distillation}"`
    : `The recipe has features to learn from the teacher's "${featurePairs(features)[0]?.teacher}"`;
