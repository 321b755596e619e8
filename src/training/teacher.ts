/** The teacher of a run: any classifier that knows the same classes. */
import { createHash } from "node:crypto";
import { readClassFile } from "../data/sources/files.js";
import { UsageError } from "../errors.js";
import { type OpenedModel, openModel } from "../evaluation/open-model.js";
import { isHead } from "../models/adapt.js";
import type { Model } from "../models/model.js";
import { createModel } from "../models/registry.js";
import { float32, type NamedTensors, sizeOf } from "../tensor/index.js";
import { mapClasses } from "./class-mapping.js";
import type { Recipe } from "./recipe.js";
import { teacherPrefix } from "./step.js";
import { normalizationOf } from "./teacher-description.js";
import { type OnnxTeacher, openOnnxTeacher } from "./teacher-onnx.js";

/** A model of the tensor language, which runs inside the student's step. */
export interface ModelTeacher {
  readonly kind: "model";
  readonly model: Model;
  /** Parameters under `teacher.<name>`, as the step's state wants them. */
  readonly state: NamedTensors;
  /** SHA-256 of the model and all of its parameters. */
  readonly identity: string;
}

export type Teacher = ModelTeacher | OnnxTeacher;

/**
 * Opens the recipe's teacher. `classes` are those of the data; a teacher that names its own may know more, in any
 * order. It sees the student's views, resized where it wants another resolution.
 */
export async function openTeacher(recipe: Recipe, student: Model, classes: readonly string[]): Promise<Teacher> {
  const { teacherWeights } = recipe;
  if (teacherWeights === undefined) throw new UsageError("There is no teacher; set teacherWeights to its weights.");
  return /\.onnx$/i.test(teacherWeights)
    ? openOnnxTeacher(teacherWeights, recipe, classes)
    : openModelTeacher(recipe, student, classes, teacherWeights);
}

async function openModelTeacher(
  recipe: Recipe,
  student: Model,
  classes: readonly string[],
  weightsPath: string,
): Promise<ModelTeacher> {
  const { teacher: name, teacherClasses, teacherNormalization } = recipe;
  const imageSize = recipe.teacherImageSize ?? student.imageSize;
  const opened = await openModel({ model: name, weights: weightsPath, imageSize });
  const names = teacherClasses ? await readClassFile(teacherClasses) : opened.namedClasses;
  const indices = mapClasses(names, opened.model.classes, classes, weightsPath);
  const { model, weights } = indices ? withClasses(opened, indices) : opened;
  const normalization = teacherNormalization === "auto" ? model.normalization : normalizationOf(teacherNormalization);
  return {
    kind: "model",
    model: { ...model, normalization },
    state: new Map([...weights].map(([key, t]) => [teacherPrefix + key, t])),
    identity: identityOf(model, asTold(recipe) ? [normalization, recipe.teacherInterpolation] : [], weights),
  };
}

/** The same model with the rows of its heads that belong to `indices`, in their order. */
function withClasses({ model, weights }: OpenedModel, indices: Int32Array): OpenedModel {
  const chosen = createModel(model.name, { ...model.config, classes: indices.length });
  const fitted = chosen.parameters.map(({ name, shape }) => {
    const given = weights.get(name)!;
    if (!isHead(name)) return [name, given] as const;
    const width = sizeOf(shape) / indices.length;
    const data = new Float32Array(sizeOf(shape));
    indices.forEach((from, to) => {
      data.set((given.data as Float32Array).subarray(from * width, (from + 1) * width), to * width);
    });
    return [name, float32(shape, data)] as const;
  });
  return { model: chosen, weights: new Map(fitted), notes: [] };
}

/** Whether the recipe changes what the teacher sees. */
const asTold = ({ teacherImageSize, teacherNormalization }: Recipe): boolean =>
  teacherImageSize !== undefined || teacherNormalization !== "auto";

function identityOf({ name, config }: Model, views: readonly unknown[], weights: NamedTensors): string {
  const hash = createHash("sha256").update(JSON.stringify([name, config, ...views]));
  for (const [key, { shape, data }] of [...weights].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(JSON.stringify([key, shape])).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
