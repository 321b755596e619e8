/**
 * What the arguments of a training program say of the model that it trained: those of timm's train.py, which are in its
 * checkpoints and beside them as args.yaml, and those of facebookresearch/deit's main.py. Others say nothing here.
 */

import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { readClassFile } from "../data/dataset/files.js";
import { UsageError } from "../errors/errors.js";
import { sentence, setting, way } from "../errors/sentence.js";
import { asImageSize } from "../geometry/image-size.js";
import { imagenetNormalization, type Normalization } from "../models/model.js";
import { registeredModel } from "../models/registry.js";
import type { JsonObject } from "../system/text/json.js";
import { bareModelName } from "./model-name.js";
import { asNormalization } from "./normalization.js";
import { geometryOf, interpolationOf } from "./preprocessor.js";
import type { SaidOfView } from "./view.js";

/** Arguments, and words for where they stand. */
export interface TrainingArguments {
  readonly source: string;
  readonly fields: JsonObject;
}

/** Whether these are timm's; files of the name args.yaml, and arguments in checkpoints, are other programs' too. */
export const areTimms = ({ model, ...fields }: JsonObject): boolean =>
  typeof model === "string" && ["crop_pct", "class_map", "img_size", "mean"].some((key) => key in fields);

const areReleased = (fields: JsonObject): boolean => "nb_classes" in fields && "input_size" in fields;

/** The view in which the program evaluated the model. */
export function viewOfArguments({ source, fields }: TrainingArguments): SaidOfView[] {
  if (areReleased(fields)) return [ofReleased(fields, source)];
  return areTimms(fields) ? [ofTimm(fields, source)] : [];
}

function ofReleased({ input_size: size, eval_crop_ratio: ratio }: JsonObject, source: string): SaidOfView {
  return {
    source,
    imageSize: asImageSize(size),
    geometry: { cropRatio: isRatio(ratio) ? ratio : 0.875, cropMode: "center" },
    interpolation: "bicubic",
    normalization: imagenetNormalization,
  };
}

/** As timm's resolve_data_config: what is not given is the default of the model's first weights. */
function ofTimm(fields: JsonObject, source: string): SaidOfView {
  const { input_size: input, img_size: side, interpolation } = fields;
  const name = bareModelName(String(fields.model));
  return {
    source,
    imageSize: asImageSize(Array.isArray(input) ? input.slice(1) : side),
    geometry: geometryOfTimm(fields, name),
    interpolation: isGiven(interpolation) ? interpolationOf(interpolation) : undefined,
    normalization: normalizationOfTimm(fields, name),
  };
}

function geometryOfTimm({ crop_pct: given, crop_mode: mode }: JsonObject, name: string): SaidOfView["geometry"] {
  const ratio = isGiven(given) ? given : registeredModel(name)?.timmCropRatio;
  const cropMode = isGiven(mode) ? mode : "center";
  if (ratio === undefined && cropMode === "center") return undefined;
  return geometryOf(ratio, cropMode);
}

function normalizationOfTimm({ mean, std }: JsonObject, name: string): SaidOfView["normalization"] {
  if (!isGiven(mean) && !isGiven(std)) return undefined;
  const usual: Normalization = registeredModel(name)?.create({}).normalization ?? imagenetNormalization;
  return (
    asNormalization({ mean: isGiven(mean) ? mean : usual.mean, std: isGiven(std) ? std : usual.std }) ?? {
      refused: sentence`says no mean and deviation of each channel (mean, std)${way`; give ${setting("normalization")}`}`,
    }
  );
}

/** The program's arguments of its model, as timm's create_model takes them. */
export function modelArguments({ fields }: TrainingArguments): JsonObject {
  if (!areTimms(fields)) return {};
  const { gp, in_chans, model_kwargs: more } = fields;
  return {
    ...(typeof gp === "string" ? { global_pool: gp } : {}),
    ...(typeof in_chans === "number" ? { in_chans } : {}),
    ...(typeof more === "object" && more !== null ? more : {}),
  };
}

/** Names of classes and the file that holds them; or why a list that decides on their order is not to be had. */
export type ArgumentClasses =
  | { readonly source: string; readonly names: readonly string[] }
  | { readonly missing: UsageError };

/** The classes in the order of the outputs, where the program had a list for it (class_map); undefined without one. */
export async function classesOfArguments(
  { source, fields }: TrainingArguments,
  folder: string,
): Promise<ArgumentClasses | undefined> {
  const { class_map: map } = fields;
  if (!areTimms(fields) || typeof map !== "string" || map === "") return undefined;
  for (const path of [join(folder, basename(map)), join(dirname(folder), basename(map)), map])
    if (path.endsWith(".txt") && (await isFile(path))) return { source: path, names: await readClassFile(path) };
  return {
    missing: new UsageError(
      sentence`${source} says that the classes are in the order of "${map}" (class_map), which is not there as a text file; put it beside the weights${way`, or name the classes in their order with ${setting("classes")}`}.`,
    ),
  };
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== "";
const isRatio = (value: unknown): value is number => typeof value === "number" && value > 0 && value <= 1;

const isFile = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined))?.isFile() ?? false;
