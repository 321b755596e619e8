/** The view in the metadata of deit's own checkpoints. */
import { z } from "zod";
import { cropModes } from "../data/pixels/fit.js";
import { FileError } from "../errors/errors.js";
import { tryJson } from "../system/text/json.js";
import { normalizationSchema } from "./normalization.js";
import type { EvaluationView, SaidOfView } from "./view.js";

const byte = z.number().int().min(0).max(255);

/** Red, green and blue in bytes. */
export const rgbSchema = z.tuple([byte, byte, byte]).readonly();

export const savedSchema = z.object({
  cropRatio: z.number().positive().max(1),
  cropMode: z.enum(cropModes),
  borderColor: rgbSchema.optional(),
  interpolation: z.enum(["bilinear", "bicubic", "lanczos", "nearest"]),
  normalization: normalizationSchema,
  exif: z.enum(["ignore", "apply"]),
});

/** As a checkpoint's metadata keep it; what the images are like is in the model's configuration, and other sizes follow from it. */
export function writeSavedView({ imageSize: _, channels: __, nativeSizes: ___, ...view }: EvaluationView): string {
  return JSON.stringify(view);
}

export function readSavedView(text: string | undefined, path: string): SaidOfView[] {
  if (text === undefined) return [];
  const found = savedSchema.safeParse(tryJson(text));
  if (!found.success)
    throw new FileError(
      path,
      `The metadata "deit.view" of "${path}" are damaged; use another checkpoint, or one of the run's saved states.`,
    );
  const { cropRatio, cropMode, borderColor, ...rest } = found.data;
  return [{ source: `"${path}"`, geometry: { cropRatio, cropMode, borderColor }, ...rest }];
}
