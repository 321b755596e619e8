/** What lies beside weights and describes them: config.json and preprocessor_config.json of transformers, config.json of timm. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "../errors.js";
import { fileError } from "../system/atomic-file.js";
import { asObject, type JsonObject, tryJson } from "../system/json.js";
import { ofPreprocessor, ofPretrainedConfig } from "./preprocessor.js";
import type { SaidOfView } from "./view.js";

export interface Companions {
  readonly view: readonly SaidOfView[];
  /** config.json, where there is one that describes a model. */
  readonly config?: { readonly source: string; readonly fields: JsonObject };
  /** Names of the classes in the order of the outputs, and the file that holds them. */
  readonly classes?: { readonly source: string; readonly names: readonly string[] };
}

/** Reads what lies in the folders, the first before the others. Throws FileError for a file that is no JSON. */
export async function readCompanions(folders: readonly string[]): Promise<Companions> {
  const view: SaidOfView[] = [];
  let config: Companions["config"];
  let classes: Companions["classes"];
  for (const folder of folders) {
    const at = (name: string) => join(folder, name);
    const preprocessor = await jsonFile(at("preprocessor_config.json"));
    if (preprocessor) view.push(...ofProcessor(preprocessor, at("preprocessor_config.json")));
    const processor = asObject((await jsonFile(at("processor_config.json")))?.image_processor);
    if (processor && !preprocessor) view.push(...ofProcessor(processor, at("processor_config.json")));
    const source = at("config.json");
    const fields = await jsonFile(source);
    if (!fields || !describesModel(fields)) continue;
    const timm = asObject(fields.pretrained_cfg);
    if (timm) view.push(ofPretrainedConfig(timm, `"${source}"`));
    config ??= { source, fields };
    const names = asNames(fields.id2label) ?? asNames(fields.label_names) ?? asNames(timm?.label_names);
    if (names) classes ??= { source, names };
  }
  return { view, config, classes };
}

const ofProcessor = (fields: JsonObject, source: string): SaidOfView[] => {
  const timm = asObject(fields.pretrained_cfg);
  return [timm ? ofPretrainedConfig(timm, `"${source}"`) : ofPreprocessor(fields, `"${source}"`)];
};

/** A file of this name may belong to anything. */
const describesModel = (fields: JsonObject): boolean =>
  ["model_type", "architectures", "architecture", "pretrained_cfg", "hidden_size", "id2label"].some(
    (key) => key in fields,
  );

/** Largest such file: names of some ten thousand classes take a megabyte. */
const largest = 16 << 20;

async function jsonFile(path: string): Promise<JsonObject | undefined> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw fileError(path, "read", error);
  });
  if (bytes === undefined) return undefined;
  const value = bytes.length <= largest ? asObject(tryJson(bytes.toString().replace(/^\ufeff/, ""))) : undefined;
  if (value) return value;
  throw new FileError(
    path,
    `"${path}" should describe the weights beside it, but is no JSON object; mend or remove it.`,
  );
}

/** Names from a list, or from an object of them by index; undefined for the placeholders that transformers writes. */
export function asNames(value: unknown): readonly string[] | undefined {
  const fields = asObject(value);
  if (!fields && !Array.isArray(value)) return undefined;
  const names = Array.isArray(value) ? (value as unknown[]) : Object.keys(fields!).map((_, i) => fields![i]);
  if (names.length === 0 || !names.every((n): n is string => typeof n === "string")) return undefined;
  return names.every((name, i) => name === `LABEL_${i}`) ? undefined : names;
}
