/** The teacher of a run: any classifier that knows the same classes. */
import { createHash } from "node:crypto";
import { UsageError } from "../errors.js";
import { openModel } from "../evaluation/open-model.js";
import type { Model } from "../models/model.js";
import type { HostTensor, NamedTensors } from "../tensor/index.js";
import type { Recipe } from "./recipe.js";
import { teacherPrefix } from "./step.js";

export interface Teacher {
  readonly model: Model;
  /** Parameters under `teacher.<name>`, as the step's state wants them. */
  readonly state: NamedTensors;
  /** SHA-256 of the model and all of its parameters. */
  readonly identity: string;
}

/**
 * Opens the recipe's teacher for images of the student's size. `classes` are those of the data; a teacher that names
 * its own must name the same in the same order.
 */
export async function openTeacher(recipe: Recipe, student: Model, classes: readonly string[]): Promise<Teacher> {
  const { teacher, teacherWeights } = recipe;
  if (teacherWeights === undefined) throw new UsageError("There is no teacher; set teacherWeights to its weights.");
  const opened = await openModel({ model: teacher, weights: teacherWeights, imageSize: student.imageSize });
  const { model, weights } = opened;
  if (model.classes !== classes.length) {
    throw new UsageError(
      `The teacher in "${teacherWeights}" knows ${model.classes} classes, but the data has ${classes.length}; train or fine-tune a teacher on these classes first.`,
    );
  }
  const other = opened.classes?.findIndex((name, i) => name !== classes[i]) ?? -1;
  if (other >= 0) {
    throw new UsageError(
      `Class ${other} of the teacher in "${teacherWeights}" is "${opened.classes?.[other]}", but of the data "${classes[other]}"; a teacher must know the classes of the data in their order.`,
    );
  }
  return {
    model,
    state: new Map([...weights].map(([name, t]) => [teacherPrefix + name, t])),
    identity: identityOf(model, weights),
  };
}

function identityOf({ name, config }: Model, weights: NamedTensors): string {
  const hash = createHash("sha256").update(JSON.stringify([name, config]));
  for (const [key, { shape, data }] of [...weights].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(JSON.stringify([key, shape])).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}

/** Where a run's stored answers of a teacher come from. */
export interface TeacherAnswers {
  readonly kind: "labels" | "logits";
  /** The teacher's answer to a batch: int32 `[batch]`, or float32 `[batch, classes]`. */
  answer(epoch: number, run: number, indices: Int32Array): Promise<HostTensor>;
}
