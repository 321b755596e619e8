/** The view of weights that do not keep it, by the recipe of their run. */
import { join } from "node:path";
import { z } from "zod";
import { fileError } from "../errors/file-error.js";
import { readText } from "../system/files/regular-file.js";
import { tryJson } from "../system/text/json.js";
import { asNormalization, normalizationNames, normalizationOf } from "./normalization.js";
import { savedSchema } from "./saved-view.js";
import type { SaidOfView } from "./view.js";

const recipeSchema = z.object({
  evaluationCropRatio: z.number().positive().max(1).optional(),
  interpolation: z.string(),
  normalization: z.unknown(),
  exif: savedSchema.shape.exif.optional(),
});

/**
 * The view in which a run measured its model, by the recipe in its folder: for weights that were saved before they kept
 * their view. None where there is no recipe.
 */
export async function viewOfRecipe(folder: string): Promise<SaidOfView[]> {
  const path = join(folder, "recipe.json");
  const text = await readText(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw fileError(path, "read the recipe", error);
  });
  const found = recipeSchema.safeParse(tryJson(text));
  if (!found.success) return [];
  const { evaluationCropRatio: cropRatio, interpolation, normalization, exif } = found.data;
  return [
    {
      source: `"${path}"`,
      geometry: cropRatio === undefined ? undefined : { cropRatio, cropMode: "center" },
      interpolation: savedSchema.shape.interpolation.catch("bicubic").parse(interpolation),
      normalization: choiceOf(normalization),
      exif,
    },
  ];
}

function choiceOf(normalization: unknown): SaidOfView["normalization"] {
  const name = normalizationNames.find((known) => known === normalization);
  return name === undefined ? asNormalization(normalization) : normalizationOf(name);
}
