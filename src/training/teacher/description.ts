/** What an ONNX classifier wants to see and calls its classes: told by the recipe, its metadata, or files beside it. */
import { dirname } from "node:path";
import { readClassFile } from "../../data/dataset/files.js";
import { readOnnxMetadata } from "../../engines/onnx/file-metadata.js";
import { UsageError } from "../../errors/errors.js";
import { asNames, readCompanions } from "../../evaluation/companions.js";
import { asNormalization, normalizationOf } from "../../evaluation/normalization.js";
import { outputNames } from "../../evaluation/output-classes.js";
import type { SaidOfView } from "../../evaluation/view.js";
import type { Normalization } from "../../models/model.js";
import type { ResampleFilter } from "../../models/resample.js";
import { tryJson } from "../../system/text/json.js";
import type { Recipe } from "../recipe/recipe.js";

export interface TeacherDescription {
  /** Undefined where nobody tells; bytes want none. */
  readonly normalization?: Normalization;
  /** Undefined where nobody tells; then the model's input or the student's size decides. */
  readonly imageSize?: number;
  readonly interpolation: ResampleFilter;
  readonly classes?: readonly string[];
}

export interface DescribedTeacher {
  /** What its answers depend on. */
  readonly description: TeacherDescription;
  /** What is said of how it sees whole images, for evaluation. */
  readonly view: readonly SaidOfView[];
}

/** Metadata of an ONNX file that says how to use it; values are JSON. */
const onnxMetadata = {
  normalization: "deit.normalization",
  imageSize: "deit.imageSize",
  classes: "deit.classes",
} as const;

/** Puts together what is known of the classifier in `path`; what the recipe says goes first. */
export async function describeTeacher(path: string, recipe: Recipe): Promise<DescribedTeacher> {
  const own = await readOnnxMetadata(path);
  const beside = await readCompanions([dirname(path), dirname(dirname(path))]);
  const ultralytics = ofUltralytics(own, path);
  const view: SaidOfView[] = [
    {
      source: `"${path}"`,
      normalization: asNormalization(tryJson(own.get(onnxMetadata.normalization))),
      imageSize: asSize(tryJson(own.get(onnxMetadata.imageSize))),
    },
    ...(ultralytics ? [ultralytics.view] : []),
    ...beside.view,
  ];
  const { teacherNormalization, teacherImageSize, teacherInterpolation: interpolation, teacherClasses } = recipe;
  const first = <T>(of: (said: SaidOfView) => T | undefined) => view.find((said) => of(said) !== undefined);
  const normalized = first((said) => said.normalization);
  if (teacherNormalization === "auto" && normalized?.normalization && "refused" in normalized.normalization)
    throw new UsageError(
      `${normalized.source} ${normalized.normalization.refused}; for a teacher, set teacherNormalization.`,
    );
  const normalization =
    teacherNormalization === "auto"
      ? (normalized?.normalization as Normalization | undefined)
      : normalizationOf(teacherNormalization);
  const given = teacherClasses ? await readClassFile(teacherClasses) : undefined;
  const classes =
    asNames(tryJson(own.get(onnxMetadata.classes)), path) ?? ultralytics?.classes ?? beside.classes?.names;
  const imageSize = teacherImageSize ?? first((said) => said.imageSize)?.imageSize;
  const { names } = outputNames(classes, given, path);
  return { description: { normalization, imageSize, interpolation, classes: names }, view };
}

/** The sentence for a classifier of which nobody says how its images are normalised. */
export const noNormalization = (path: string): UsageError =>
  new UsageError(
    `Neither "${path}" nor a preprocessor_config.json beside it says how the teacher's images are normalised; set teacherNormalization to imagenet, inception, none or {"mean":[…],"std":[…]}.`,
  );

/** Classifiers that ultralytics exports take values of 0 to 1 as they are, of an image cropped in the centre. */
function ofUltralytics(metadata: ReadonlyMap<string, string>, path: string) {
  if (!/ultralytics/i.test(`${metadata.get("author")} ${metadata.get("description")}`)) return undefined;
  const task = metadata.get("task");
  if (task !== undefined && task !== "classify")
    throw new UsageError(
      `"${path}" is a model for the task "${task}", which names no class of an image; give a classifier.`,
    );
  const size = tryJson(metadata.get("imgsz"));
  const view: SaidOfView = {
    source: `"${path}"`,
    normalization: normalizationOf("none"),
    geometry: { cropRatio: 1, cropMode: "center" },
    interpolation: "bilinear",
    imageSize: Array.isArray(size) && size[0] === size[1] ? asSize(size[0]) : asSize(size),
  };
  return { view, classes: pythonNames(metadata.get("names")) };
}

/** Names from a dictionary as Python writes it: {0: 'tench', 1: "cat's eye"}. */
function pythonNames(text: string | undefined): readonly string[] | undefined {
  const names: string[] = [];
  for (const [, index, single, double] of (text ?? "").matchAll(
    /(\d+):\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/g,
  ))
    names[Number(index)] = (single ?? double).replace(/\\(.)/g, "$1");
  return names.length > 0 && Array.from(names, (name) => name !== undefined).every(Boolean) ? names : undefined;
}

const asSize = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 8192 ? value : undefined;
