/** A teacher's outputs without a student's step, for storing them. */
import type { Engine } from "../../engines/engine.js";
import type { Model } from "../../models/model.js";
import { add, argmax, program, reduceSum } from "../../tensor/index.js";
import { stepData } from "../feed/step-data.js";
import type { Recipe } from "../recipe/recipe.js";
import { batchImages, batchRows, batchTransformOf } from "../step/batch/index.js";
import type { AnswerKind } from "../step/distillation/mode.js";
import { ofPair } from "../step/features.js";
import { teacherOutputs, teacherPrefix } from "../step/taught.js";
import type { TeacherAnswers } from "./answers.js";
import { featuresBetween } from "./features.js";
import { requireFiniteAnswers } from "./finite-answers.js";
import type { Teacher } from "./teacher.js";

export interface AnsweringOptions {
  readonly recipe: Recipe;
  /** Which predictions are asked for. */
  readonly kind: AnswerKind;
  readonly engine: Engine;
  readonly student: Model;
  readonly batch: number;
  /** Name of a sample, for messages. */
  readonly describe: (index: number) => string;
}

/**
 * Predicted classes or logits, and the features that the recipe imitates, for the views that the student will use. An output that is not finite is a TrainingError.
 */
export async function answersOf(
  teacher: Teacher,
  { recipe, kind, engine, student, batch, describe }: AnsweringOptions,
): Promise<TeacherAnswers> {
  if (teacher.kind === "answers") return teacher.open(student, batch, describe);
  const source = recipe.teacherWeights ?? teacher.model.name;
  const images = batchImages(batch, student, batchTransformOf(recipe));
  const features = featuresBetween(recipe, student, teacher);
  const use = { interpolation: recipe.teacherInterpolation, features };
  const { logits, features: shown } = teacherOutputs(teacher.model, student, images, use);
  const sums = reduceSum(logits, [1]);
  const state = new Map([...teacher.weights].map(([name, tensor]) => [teacherPrefix + name, tensor]));
  const executable = await engine.compile(
    program({
      name: "teacher",
      // The sum of each row shows whether its numbers are finite.
      outputs: {
        answer: kind === "labels" ? argmax(logits, 1) : logits,
        sums: shown.map((layer) => reduceSum(layer, [1, 2, 3])).reduce((a, b) => add(a, b), sums),
        ...Object.fromEntries(shown.map((layer, index) => [ofPair("features", index), layer])),
      },
      state: state.keys(),
      batch: [...batchRows, "answer", "sums", ...shown.map((_, index) => ofPair("features", index))],
    }),
  );
  const held = await engine.createState(state);
  return {
    kind,
    features,
    answer: async (epoch, _run, views) => {
      const data = stepData(executable.program, { recipe, epoch, batch: views }, { scalars: {} });
      const results = await executable.run(held, data);
      const image = (row: number) => describe(views.indices[row]);
      requireFiniteAnswers(results.get("sums")!.data as Float32Array, batch, { teacher: source, image });
      return {
        prediction: results.get("answer")!,
        features: features.map((_, i) => results.get(ofPair("features", i))),
      };
    },
    close: async () => {
      await executable.dispose().catch(() => undefined);
      await held.dispose().catch(() => undefined);
    },
  };
}
