/** What an ONNX classifier wants to see and calls its classes: told by the recipe, its metadata, or files beside it. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readClassFile } from "../data/sources/files.js";
import { readOnnxMetadata } from "../engines/onnx/file-metadata.js";
import { UsageError } from "../errors.js";
import { imagenetNormalization, type Normalization } from "../models/model.js";
import type { ResampleFilter } from "../models/resample.js";
import type { Recipe } from "./recipe.js";

export interface TeacherDescription {
  readonly normalization: Normalization;
  /** Undefined where nobody tells; then the model's input or the student's size decides. */
  readonly imageSize?: number;
  readonly interpolation: ResampleFilter;
  readonly classes?: readonly string[];
}

/** Metadata of an ONNX file that says how to use it; values are JSON. */
export const onnxMetadata = {
  normalization: "deit.normalization",
  imageSize: "deit.imageSize",
  classes: "deit.classes",
} as const;

const known: Readonly<Record<string, Normalization>> = {
  imagenet: imagenetNormalization,
  inception: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  none: { mean: [0, 0, 0], std: [1, 1, 1] },
};

/** The normalisation of this name of the recipe, or the numbers it gives. */
export function normalizationOf(setting: Exclude<Recipe["teacherNormalization"], "auto">): Normalization {
  return typeof setting === "string" ? known[setting] : setting;
}

/** Puts together what is known of the classifier in `path`; what the recipe says goes first. */
export async function describeTeacher(path: string, recipe: Recipe): Promise<TeacherDescription> {
  const own = await readOnnxMetadata(path);
  const said = [
    {
      normalization: json(own.get(onnxMetadata.normalization)),
      imageSize: json(own.get(onnxMetadata.imageSize)),
      classes: json(own.get(onnxMetadata.classes)),
    },
    ...(await filesBeside(path)),
  ];
  const first = <T>(pick: (s: (typeof said)[number]) => T | undefined) =>
    said.map(pick).find((value) => value !== undefined);
  const { teacherNormalization, teacherImageSize, teacherInterpolation: interpolation, teacherClasses } = recipe;
  const normalization =
    teacherNormalization !== "auto"
      ? normalizationOf(teacherNormalization)
      : first((s) => asNormalization(s.normalization));
  if (normalization === undefined) {
    throw new UsageError(
      `Neither "${path}" nor a preprocessor_config.json beside it says how the teacher's images are normalised; set teacherNormalization to imagenet, inception, none or {"mean":[…],"std":[…]}.`,
    );
  }
  return {
    normalization,
    imageSize: teacherImageSize ?? first((s) => asSize(s.imageSize)),
    interpolation,
    classes: teacherClasses ? await readClassFile(teacherClasses) : first((s) => asNames(s.classes)),
  };
}

interface Said {
  readonly normalization?: unknown;
  readonly imageSize?: unknown;
  readonly classes?: unknown;
}

/** Files by which other libraries describe a model: of the hub's transformers, and of timm. */
async function filesBeside(path: string): Promise<Said[]> {
  const folder = dirname(path);
  const found: Said[] = [];
  for (const at of [folder, dirname(folder)]) {
    const preprocessor = await jsonFile(join(at, "preprocessor_config.json"));
    const config = await jsonFile(join(at, "config.json"));
    const timm = record(config?.pretrained_cfg);
    found.push(
      {
        normalization: preprocessor && { mean: preprocessor.image_mean, std: preprocessor.image_std },
        imageSize: preprocessor?.crop_size ?? preprocessor?.size,
        classes: config?.id2label,
      },
      { normalization: timm, imageSize: timm?.input_size, classes: config?.label_names },
    );
  }
  return found;
}

type Fields = Readonly<Record<string, unknown>>;

const record = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null ? (value as Fields) : undefined;

async function jsonFile(path: string): Promise<Fields | undefined> {
  return readFile(path, "utf8").then(
    (text) => record(json(text)),
    () => undefined,
  );
}

function json(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asNormalization(value: unknown): Normalization | undefined {
  const { mean, std } = record(value) ?? {};
  const three = (v: unknown): v is Normalization["mean"] =>
    Array.isArray(v) && v.length === 3 && v.every((n) => typeof n === "number" && Number.isFinite(n));
  return three(mean) && three(std) && std.every((s) => s > 0) ? { mean, std } : undefined;
}

/** A side in pixels from a number, `{height}`, `{shortest_edge}` or `[channels, height, width]`. */
function asSize(value: unknown): number | undefined {
  const fields = record(value);
  const side = Array.isArray(value) ? value[1] : (fields?.height ?? fields?.shortest_edge ?? value);
  return typeof side === "number" && Number.isInteger(side) && side > 0 && side <= 8192 ? side : undefined;
}

/** Names from a list, or from an object of them by index. */
function asNames(value: unknown): readonly string[] | undefined {
  const fields = record(value);
  if (!fields) return undefined;
  const names = Array.isArray(value) ? (value as unknown[]) : Object.keys(fields).map((_, i) => fields[i]);
  return names.length > 0 && names.every((n): n is string => typeof n === "string") ? names : undefined;
}
