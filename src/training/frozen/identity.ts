/** For which runs stored features are: their manifest, and the refusal of others. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import type { Dataset } from "../../data/dataset/dataset.js";
import type { Precision } from "../../engines/engine.js";
import { FileError, TrainingError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { sentence, setting } from "../../errors/sentence.js";
import type { Model } from "../../models/model.js";
import type { Tail } from "../../models/tail.js";
import { writeFileAtomic } from "../../system/files/atomic-file.js";
import { readText } from "../../system/files/regular-file.js";
import { parseJson } from "../../system/text/json.js";
import type { NamedTensors } from "../../tensor/index.js";
import type { Recipe } from "../recipe/recipe.js";
import { identityOf, reasons as viewReasons } from "../teacher/manifest.js";

/** What the features depend on, and how a difference is told. */
const reasons = {
  ...viewReasons,
  teacher: "the frozen part of the model differs",
  layers: "another part of the model is frozen",
  type: "they are stored in another number format (frozenFormat)",
  precision: "they were computed in another precision",
} as const;
type Part = keyof typeof reasons;
const parts = Object.keys(reasons) as [Part, ...Part[]];

const manifestSchema = z.object({ format: z.literal(1), features: z.record(z.enum(parts), z.string()) });

/** A hash of, or words for, each part. */
export type FeatureIdentity = Readonly<Record<Part, string>>;

export interface Frozen {
  readonly model: Model;
  readonly tail: Tail;
  /** All parameters of the model; those of the frozen part are read. */
  readonly parameters: NamedTensors;
  readonly precision?: Precision;
}

export function featureIdentity(dataset: Dataset, recipe: Recipe, frozen: Frozen): FeatureIdentity {
  const { model, tail, precision = "float32" } = frozen;
  return {
    ...identityOf(dataset, recipe, model, frozenHash(frozen)),
    layers: tail.cut.join(),
    type: recipe.frozenFormat,
    precision,
  };
}

/** SHA-256 over the sizes of the model and the parameters below the cut. Classes concern the heads alone. */
function frozenHash({ model, tail, parameters }: Frozen): string {
  const { classes: _, dropPath: __, dropPathRates: ___, dropout: ____, patchDropout: _____, ...sizes } = model.config;
  const hash = createHash("sha256").update(JSON.stringify([model.name, sizes]));
  const trained = new Set(tail.parameters.map(({ name }) => name));
  for (const { name, shape } of model.parameters) {
    const data = parameters.get(name)?.data;
    if (trained.has(name) || !data) continue;
    hash.update(JSON.stringify([name, shape])).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}

/** Writes the manifest of a new folder; throws TrainingError if the folder holds features for something else. */
export async function beginOrContinue(folder: string, identity: FeatureIdentity): Promise<void> {
  const path = join(folder, "manifest.json");
  const text = await readText(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw fileError(path, "read", error);
  });
  if (text === undefined)
    return writeFileAtomic(path, `${JSON.stringify({ format: 1, features: identity }, null, 2)}\n`);
  const known = parsed(path, text);
  const differing = parts.filter((part) => known[part] !== identity[part]);
  if (differing.length > 0)
    throw new TrainingError(
      sentence`The stored features in "${folder}" do not belong to this run: ${differing.map((part) => reasons[part]).join("; ")}. Use the recipe that they were stored with, or choose another folder with ${setting("frozenCache")}.`,
    );
}

function parsed(path: string, text: string): Readonly<Partial<Record<Part, string>>> {
  try {
    return manifestSchema.parse(parseJson(text)).features;
  } catch (cause) {
    throw new FileError(path, `"${path}" is not a manifest of stored features; remove its folder, or name another.`, {
      cause,
    });
  }
}
