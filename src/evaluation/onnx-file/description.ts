/** The preprocessing and classes of an ONNX classifier, as stated by the caller, its metadata, or files next to it. */

import { dirname } from "node:path";
import { readOnnxMetadata } from "../../engines/onnx/file-metadata.js";
import { UsageError } from "../../errors/errors.js";
import { type Message, sentence, way } from "../../errors/sentence.js";
import { asImageSize, type ImageSize } from "../../geometry/image-size.js";
import type { Normalization } from "../../models/model.js";
import type { ResampleFilter } from "../../models/resample.js";
import { tryJson } from "../../system/text/json.js";
import { asNames, readCompanions } from "../companions.js";
import { asNormalization, type NormalizationChoice, normalizationOf } from "../normalization.js";
import { outputNames } from "../output-names.js";
import { readSavedView } from "../saved-view.js";
import type { SaidOfView } from "../view.js";
import { onnxMetadata } from "./metadata-keys.js";
import type { OnnxNames } from "./names.js";

/** A caller's settings for the classifier, which take precedence over its file. */
export interface OnnxChoice {
  readonly normalization?: NormalizationChoice;
  /** Size of its images in pixels. */
  readonly imageSize?: ImageSize;
  /** How images of a different size are resized for it, inside the program (default: bicubic). */
  readonly interpolation?: ResampleFilter;
  /** Names of its outputs in order. */
  readonly classes?: readonly string[];
}

/** What is known of a classifier. Its JSON is part of the identity of stored teacher outputs. */
export interface OnnxDescription {
  /** Undefined if unknown; not needed for byte inputs. */
  readonly normalization?: Normalization;
  /** Size in pixels; if undefined, its input or the caller determines it. */
  readonly imageSize?: ImageSize;
  readonly interpolation: ResampleFilter;
  /** Names of the outputs in order; undefined if unknown. */
  readonly classes?: readonly string[];
}

/** What its outputs depend on, and statements on how whole images are preprocessed. */
export interface DescribedFile {
  readonly description: OnnxDescription;
  readonly view: readonly SaidOfView[];
  /** Notes on its classes. */
  readonly notes: readonly Message[];
}

/** Collects what is known of the classifier in `path`. Throws UsageError for one of a different task. */
export async function describeFile(path: string, choice: OnnxChoice, names: OnnxNames): Promise<DescribedFile> {
  const own = await readOnnxMetadata(path);
  if (own.get(onnxMetadata.preprocesses) === "true")
    throw new UsageError(
      `"${path}" preprocesses images in its graph and takes them whole, one at a time, as other programs need them; give the source of that export, or one without preprocessing in the graph.`,
    );
  const beside = await readCompanions([dirname(path), dirname(dirname(path))]);
  const ultralytics = ofUltralytics(own, path);
  const view: SaidOfView[] = [
    {
      source: `"${path}"`,
      normalization: asNormalization(tryJson(own.get(onnxMetadata.normalization))),
      imageSize: asImageSize(tryJson(own.get(onnxMetadata.imageSize))),
    },
    ...readSavedView(own.get(onnxMetadata.view), path),
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

/** The error for a classifier whose normalisation is unknown. */
export const noNormalization = (path: string, { called, setting }: OnnxNames): UsageError =>
  new UsageError(
    sentence`Neither "${path}" nor a preprocessor_config.json beside it says how the ${called}'s images are normalised${way`; set ${setting("normalization")} to imagenet, inception, none or {"mean":[…],"std":[…]}`}.`,
  );

/** Classifiers exported by ultralytics expect values from 0 to 1, of a centre-cropped image. */
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
    imageSize: asImageSize(size),
  };
  return { view, classes: pythonNames(metadata.get("names")) };
}

/** Names from a dictionary in Python syntax: {0: 'tench', 1: "cat's eye"}. */
function pythonNames(text: string | undefined): readonly string[] | undefined {
  const names: string[] = [];
  for (const [, index, single, double] of (text ?? "").matchAll(
    /(\d+):\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/g,
  ))
    names[Number(index)] = (single ?? double).replace(/\\(.)/g, "$1");
  return names.length > 0 && Array.from(names, (name) => name !== undefined).every(Boolean) ? names : undefined;
}
