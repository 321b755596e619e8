/** A teacher's answers without a student's step: what storing them needs. */
import type { Engine } from "../engines/engine.js";
import type { Model } from "../models/model.js";
import { argmax, program } from "../tensor/index.js";
import type { TeacherAnswers } from "./answers.js";
import { batchImages, batchInputs } from "./batch-transform.js";
import { batchTransformOf, type Recipe } from "./recipe.js";
import { teacherLogits } from "./step.js";
import { stepData } from "./step-data.js";
import type { Teacher } from "./teacher.js";

export interface AnsweringOptions {
  readonly recipe: Recipe;
  readonly engine: Engine;
  readonly student: Model;
  readonly batch: number;
}

/** Decisions for hard distillation, logits for soft, to the very views that the student will see. */
export async function answersOf(
  teacher: Teacher,
  { recipe, engine, student, batch }: AnsweringOptions,
): Promise<TeacherAnswers> {
  if (teacher.kind === "onnx") return teacher.open(student, batch);
  const kind = recipe.distillation === "soft" ? "logits" : "labels";
  const images = batchImages(batch, student.imageSize, student.normalization, batchTransformOf(recipe));
  const logits = teacherLogits(teacher.model, student, images, recipe.teacherInterpolation);
  const executable = await engine.compile(
    program({
      name: "teacher",
      outputs: { answer: kind === "labels" ? argmax(logits, 1) : logits },
      state: teacher.state.keys(),
      batch: [...Object.values(batchInputs).filter((n) => n !== batchInputs.eraseSeed), "answer"],
    }),
  );
  const state = await engine.createState(teacher.state);
  return {
    kind,
    answer: async (epoch, _run, views) => {
      const data = stepData(executable.program, { recipe, epoch, batch: views }, { scalars: {} });
      return (await executable.run(state, data)).get("answer")!;
    },
    close: async () => {
      await executable.dispose().catch(() => undefined);
      await state.dispose().catch(() => undefined);
    },
  };
}
