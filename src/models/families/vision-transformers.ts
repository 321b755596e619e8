/** What the families of vision transformers share: settings, sizes, and what their weights look like. */
import { z } from "zod";
import type { DeitConfig } from "../deit.js";
import { readsPatches } from "../deit-sizes.js";
import { channelsIn, type ModelFamily, positive, type Shapes, shared, whole } from "./family.js";

/** Sizes by their names in the papers. */
export const tiny = { width: 192, depth: 12, heads: 3 };
export const small = { width: 384, depth: 12, heads: 6 };
export const base = { width: 768, depth: 12, heads: 12 };

export const settings = {
  patchSize: whole.optional().meta({ description: "Side of a patch in pixels; default: the model's own." }),
  width: whole.optional().meta({ description: "Width of a token; default: the model's own." }),
  depth: shared.depth,
  heads: whole.optional().meta({ description: "Attention heads of each block; default: the model's own." }),
  mlpRatio: positive.optional().meta({
    description: "Width of the hidden layer of an MLP over that of a token; default: the model's own.",
  }),
  normEpsilon: positive.optional().meta({
    description:
      "What the norms of a transformer add to variances; default: 1e-6, or as the weights of `finetune` were trained.",
  }),
  layerScale: positive.optional().meta({
    description: "Initial factor of LayerScale on the branches of each block; default: as the name says, mostly none.",
    timm: "model-kwargs init_values",
  }),
  noEmbedClass: z.boolean().optional().meta({
    description: "Gives positions to patches only, not to the class token; default: as the name says.",
    timm: "model-kwargs no_embed_class",
  }),
  pool: z.enum(["token", "avg"]).optional().meta({
    description:
      "What the head of a transformer reads: the class token (`token`) or the mean of the patches with a norm of its own (`avg`); default: `token`, or as the weights have it.",
    timm: "gp",
  }),
  dropPathRates: z.enum(["linear", "uniform"]).optional().meta({
    description:
      "Stochastic depth by block: `linear` (from 0 at the first to `dropPath` at the last; the default) or `uniform` (`dropPath` at all of them, as DeiT III was trained).",
  }),
  distilled: z.boolean().optional().meta({
    description: "Adds the distillation token to a model whose name does not imply it; default: as the name says.",
  }),
};

export const parameters: ModelFamily<unknown>["parameters"] = {
  names:
    /^(cls_token|dist_token|pos_embed|patch_embed\.proj\.\w+|blocks\.\d+\..+|(fc_)?norm\.\w+|norm_pre\.\w+|reg_token|head(_dist)?\.\w+)$/,
  anchors: ["cls_token", "patch_embed.proj.weight", "blocks.0.norm1.weight"],
};

/**
 * Other channels than three; a distillation token without a head, as transformers' DeiTForImageClassification has it; a head on
 * the patches' mean.
 */
export const optionsOf = (shapes: Shapes): Partial<DeitConfig> => ({
  ...channelsIn(shapes.get("patch_embed.proj.weight")),
  ...(shapes.has("dist_token") && shapes.has("head.weight") && !shapes.has("head_dist.weight")
    ? { distillationHead: false }
    : {}),
  ...(readsPatches(shapes) ? { pool: "avg" } : {}),
});

export const withoutTrace = ["heads", "normEpsilon"] as const;
