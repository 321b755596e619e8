/**
 * Files next to weights that describe them: config.json and preprocessor_config.json of transformers, config.json and
 * args.yaml of timm.
 */
import { join } from "node:path";
import { FileError } from "../errors/errors.js";
import { fileError } from "../errors/file-error.js";
import { readText } from "../system/files/regular-file.js";
import { asObject, type JsonObject, tryJson } from "../system/text/json.js";
import { tryYaml } from "../system/text/yaml.js";
import { ofPreprocessor, ofPretrainedConfig } from "./preprocessor.js";
import { areTimms, type TrainingArguments, viewOfArguments } from "./training-arguments.js";
import type { SaidOfView } from "./view.js";

export interface Companions {
  readonly view: readonly SaidOfView[];
  /** config.json, if there is one that describes a model. */
  readonly config?: { readonly source: string; readonly fields: JsonObject };
  /** args.yaml of timm's train.py. */
  readonly trained?: TrainingArguments;
  /** Names of the classes in the order of the outputs, and the file with them. */
  readonly classes?: { readonly source: string; readonly names: readonly string[] };
}

/**
 * Reads the files in the folders, in order of precedence. Throws FileError for a file that is not valid JSON or YAML.
 */
export async function readCompanions(folders: readonly string[]): Promise<Companions> {
  const view: SaidOfView[] = [];
  let config: Companions["config"];
  let trained: Companions["trained"];
  let classes: Companions["classes"];
  for (const folder of folders) {
    const at = (name: string) => join(folder, name);
    const preprocessor = await jsonFile(at("preprocessor_config.json"));
    if (preprocessor) view.push(...ofProcessor(preprocessor, at("preprocessor_config.json")));
    const processor = asObject((await jsonFile(at("processor_config.json")))?.image_processor);
    if (processor && !preprocessor) view.push(...ofProcessor(processor, at("processor_config.json")));
    const source = at("config.json");
    const fields = await jsonFile(source);
    if (fields && describesModel(fields)) {
      const timm = asObject(fields.pretrained_cfg);
      if (timm) view.push(ofPretrainedConfig(timm, `"${source}"`));
      config ??= { source, fields };
      const names =
        asNames(fields.id2label, source) ?? asNames(fields.label_names, source) ?? asNames(timm?.label_names, source);
      if (names) classes ??= { source, names };
    }
    const args = await objectFile(at("args.yaml"), "YAML", tryYaml);
    if (args && areTimms(args)) {
      const found = { source: `"${at("args.yaml")}"`, fields: args };
      view.push(...viewOfArguments(found));
      trained ??= found;
    }
  }
  return { view, config, trained, classes };
}

const ofProcessor = (fields: JsonObject, source: string): SaidOfView[] => {
  const timm = asObject(fields.pretrained_cfg);
  return [timm ? ofPretrainedConfig(timm, `"${source}"`) : ofPreprocessor(fields, `"${source}"`)];
};

/** A file with this name may belong to anything. */
const describesModel = (fields: JsonObject): boolean =>
  ["model_type", "architectures", "architecture", "pretrained_cfg", "hidden_size", "id2label"].some(
    (key) => key in fields,
  );

/** Largest such file: names of some ten thousand classes take a megabyte. */
const largest = 16 << 20;

const jsonFile = (path: string) => objectFile(path, "JSON", tryJson);

async function objectFile(
  path: string,
  language: string,
  parse: (text: string) => unknown,
): Promise<JsonObject | undefined> {
  const text = await readText(path, largest).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw fileError(path, "read", error);
  });
  if (text === undefined) return undefined;
  const value = asObject(parse(text.replace(/^\ufeff/, "")));
  if (value) return value;
  throw new FileError(
    path,
    `"${path}" should describe the weights beside it, but is not a ${language} object; fix or remove it.`,
  );
}

/**
 * Names from a list, or from an object of them by index; undefined for the placeholders that transformers writes.
 * Throws FileError if names are missing for some outputs, which makes them ambiguous.
 */
export function asNames(value: unknown, source: string): readonly string[] | undefined {
  const fields = asObject(value);
  if (!fields && !Array.isArray(value)) return undefined;
  const given = Array.isArray(value) ? (value as unknown[]) : Object.keys(fields!).map((_, i) => fields![i]);
  if (given.length === 0) return undefined;
  const names = given.map((name) => (typeof name === "number" ? String(name) : name));
  const nameless = names.findIndex((name) => typeof name !== "string");
  if (nameless >= 0)
    throw new FileError(
      source,
      `"${source}" names ${given.length} classes, but none for output ${nameless}; indices must run from 0 without gaps: fix or remove them.`,
    );
  return names.every((name, i) => name === `LABEL_${i}`) ? undefined : (names as string[]);
}
