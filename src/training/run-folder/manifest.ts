/**
 * What a run's folder states about the run besides its recipe: `run.json`. The files may be from elsewhere, so both are
 * validated.
 */
import { join } from "node:path";
import { z } from "zod";
import { FileError, UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { sentence, setting } from "../../errors/sentence.js";
import { readJson } from "../../system/files/json-file.js";
import { JsonError } from "../../system/text/json.js";
import { changeText, parseRecipe, type Recipe, recipeDifferences } from "../recipe/recipe.js";

const text = z.string().max(4096);
const hash = z.string().regex(/^[0-9a-f]{64}$/);

export const runManifestSchema = z.object({
  format: z.literal(1),
  /** Version of deit that started the run, and when. */
  deit: text,
  began: z.iso.datetime(),
  /** Paths as given; they may change, but the images may not. */
  data: text,
  validation: text.optional(),
  test: text.optional(),
  /** The part that the best epoch was chosen on, and whose accuracy the log calls `test`. */
  testPart: z.enum(["validation", "test"]).optional(),
  /** Share of the data that was held out for testing; `split.json` lists the samples. */
  split: z.number().min(0).max(1).optional(),
  /** SHA-256 over classes, names and labels of the training images. */
  dataset: hash,
  images: z.number().int().min(1),
  /** The same for all training images as found, if some could not be read and were skipped. */
  found: z.object({ dataset: hash, images: z.number().int().min(1) }).optional(),
  classes: z.number().int().min(1),
  /** SHA-256 of the teacher in the step. */
  teacher: hash.optional(),
  onBadImage: z.enum(["stop", "skip"]),
  precision: z.enum(["float32", "bfloat16"]),
  engine: z.object({
    engine: text,
    platform: text,
    version: text,
    devices: z.number().int().min(1),
  }),
});

export type RunManifest = Readonly<z.infer<typeof runManifestSchema>>;

/** A run as its folder describes it. */
export interface RunDescription {
  readonly recipe: Recipe;
  readonly manifest: RunManifest;
}

export interface Change {
  readonly from: unknown;
  readonly to: unknown;
}

/** Fields that make it a different run, besides the recipe. */
const binding = ["dataset", "teacher", "precision"] as const;

const names = { recipe: "recipe.json", manifest: "run.json" } as const;
export const runFiles: Readonly<Record<keyof typeof names, string>> = names;

/** Maximum size of either file; usually a few thousand bytes. */
const largest = 1 << 20;

/**
 * Reads the description of the run in `folder`; undefined if none was started there. Throws FileError if it is damaged.
 */
export async function describeRun(folder: string): Promise<RunDescription | undefined> {
  const settings = await settingsIn(join(folder, names.recipe));
  if (settings === undefined) return undefined;
  const manifest = runManifestSchema.safeParse(await settingsIn(join(folder, names.manifest)));
  if (!manifest.success) throw damaged(join(folder, names.manifest));
  try {
    return { recipe: parseRecipe(settings), manifest: manifest.data };
  } catch (error) {
    throw damaged(join(folder, names.recipe), error);
  }
}

/** The value of either file; undefined if there is none. */
async function settingsIn(path: string): Promise<unknown> {
  return readJson(path, largest).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    if (error instanceof JsonError) throw damaged(path);
    throw fileError(path, "read", error);
  });
}

function damaged(path: string, cause?: unknown): FileError {
  const why = cause instanceof UsageError ? `: ${cause.message}` : ", so its run cannot continue; start a new run.";
  return new FileError(path, `"${path}" is damaged${why}`, { cause });
}

/** Settings that differ, by name; throws UsageError for those that are not `allowed`. */
export function changesOf(
  folder: string,
  before: RunDescription,
  now: RunDescription,
  allowed: readonly string[],
): Readonly<Record<string, Change>> {
  const changes: Record<string, Change> = {};
  for (const { key, a, b } of recipeDifferences(before.recipe, now.recipe)) changes[key] = { from: a, to: b };
  for (const key of binding) {
    const [from, to] = [before.manifest[key], now.manifest[key]];
    if (from !== to) changes[key] = { from, to };
  }
  const refused = Object.entries(changes).filter(([key]) => !allowed.includes(key));
  if (refused.length === 0) return changes;
  const list = refused.map(([key, { from, to }]) =>
    key === "dataset"
      ? `the training images are others (${before.manifest.images} before, ${now.manifest.images} now)`
      : changeText({ key, a: from, b: to }),
  );
  throw new UsageError(
    sentence`The run in "${folder}" was started with other settings: ${list.join("; ")}. Resume with the same settings, allow the change with ${setting(
      "allowChange",
      refused.map(([key]) => key),
    )}, or start a new run.`,
  );
}
