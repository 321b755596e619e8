/** What an ONNX classifier wants to see and calls its classes: told by the caller, its metadata, or files beside it. */
import { dirname } from "node:path";
import { readOnnxMetadata } from "../../engines/onnx/file-metadata.js";
import { UsageError } from "../../errors/errors.js";
import { type Message, sentence, way } from "../../errors/sentence.js";
import type { Normalization } from "../../models/model.js";
import type { ResampleFilter } from "../../models/resample.js";
import { tryJson } from "../../system/text/json.js";
import { asNames, readCompanions } from "../companions.js";
import { asNormalization, type NormalizationChoice, normalizationOf } from "../normalization.js";
import { outputNames } from "../output-classes.js";
import type { SaidOfView } from "../view.js";
import type { OnnxNames } from "./names.js";

/** What a caller says of the classifier, which goes before what its file says. */
export interface OnnxChoice {
  readonly normalization?: NormalizationChoice;
  /** Side of its images in pixels. */
  readonly imageSize?: number;
  /** How images of another size are resized for it, inside the program (default: bicubic). */
  readonly interpolation?: ResampleFilter;
  /** Names of its outputs in their order. */
  readonly classes?: readonly string[];
}

/** What is known of a classifier. Stored answers are bound to it, by its JSON. */
export interface OnnxDescription {
  /** Undefined where nobody tells; bytes want none. */
  readonly normalization?: Normalization;
  /** Side in pixels; undefined where nobody tells, and then its input decides, or whoever shows it images. */
  readonly imageSize?: number;
  readonly interpolation: ResampleFilter;
  /** Names of the outputs in their order; undefined where nobody tells. */
  readonly classes?: readonly string[];
}

/** What its answers depend on, and what is said of how it sees whole images. */
export interface DescribedFile {
  readonly description: OnnxDescription;
  readonly view: readonly SaidOfView[];
  /** What should be said of its classes. */
  readonly notes: readonly Message[];
}

/** Metadata of an ONNX file that says how to use it; values are JSON. */
const onnxMetadata = {
  normalization: "deit.normalization",
  imageSize: "deit.imageSize",
  classes: "deit.classes",
} as const;

/** Puts together what is known of the classifier in `path`. Throws UsageError for one of another task. */
export async function describeFile(path: string, choice: OnnxChoice, names: OnnxNames): Promise<DescribedFile> {
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
  const first = <T>(of: (said: SaidOfView) => T | undefined) => view.find((said) => of(said) !== undefined);
  const normalized = first((said) => said.normalization);
  if (choice.normalization === undefined && normalized?.normalization && "refused" in normalized.normalization)
    throw new UsageError(sentence`${normalized.source} ${normalized.normalization.refused}.`).renamed(names.renaming);
  const normalization =
    choice.normalization === undefined
      ? (normalized?.normalization as Normalization | undefined)
      : normalizationOf(choice.normalization);
  const classes =
    asNames(tryJson(own.get(onnxMetadata.classes)), path) ?? ultralytics?.classes ?? beside.classes?.names;
  const imageSize = choice.imageSize ?? first((said) => said.imageSize)?.imageSize;
  const { names: outputs, notes } = outputNames(classes, choice.classes, path);
  const { interpolation = "bicubic" } = choice;
  return { description: { normalization, imageSize, interpolation, classes: outputs }, view, notes };
}

/** The sentence for a classifier of which nobody says how its images are normalised. */
export const noNormalization = (path: string, { called, setting }: OnnxNames): UsageError =>
  new UsageError(
    sentence`Neither "${path}" nor a preprocessor_config.json beside it says how the ${called}'s images are normalised${way`; set ${setting("normalization")} to imagenet, inception, none or {"mean":[…],"std":[…]}`}.`,
  );

/** Classifiers that ultralytics exports take values of 0 to 1 as they are, of an image cropped in the centre. */
function ofUltralytics(metadata: ReadonlyMap<string, string>, path: string) {
  if (!/ultralytics/i.test(`${metadata.get("author")} ${metadata.get("description")}`)) return undefined;
  const task = metadata.get("task");
  if (task !== undefined && task !== "classify")
    throw new UsageError(
      `"${path}" is a model for the task "${task}", which does not classify images; give a classifier.`,
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
