/** The DeiTs of the paper. */
import { type DeitConfig, deit } from "../deit.js";
import { family, type ModelEntry } from "./family.js";
import { base, optionsOf, parameters, settings, small, tiny, withoutTrace } from "./vision-transformers.js";

type Options = Partial<DeitConfig>;

/** A released model; its weights are at timm's place on the hub. */
const released = (
  name: string,
  sizes: Options,
  about: Omit<ModelEntry<DeitConfig>, "create" | "hub">,
): Record<string, ModelEntry<DeitConfig>> => ({
  [name]: {
    create: (options) => deit(name, { ...sizes, ...options }),
    hub: [`timm/${name}.fb_in1k`],
    ...(sizes.distilled ? { series: "DeiT distilled" } : {}),
    timmCropRatio: sizes.imageSize === 384 ? 1 : 0.9,
    ...about,
  },
});

const large = { imageSize: 384 };
const distilled = { distilled: true };

export const deitFamily = family({
  title: "DeiT",
  description: "The vision transformers of arXiv 2012.12877, with or without the distillation token.",
  settings,
  parameters,
  optionsOf,
  withoutTrace,
  transformers: "deit",
  models: {
    ...released("deit_tiny_patch16_224", tiny, {
      published: { top1: 72.2, top5: 91.1, v100: 2536 },
      compared: true,
    }),
    ...released("deit_small_patch16_224", small, {
      published: { top1: 79.9, top5: 95.0, v100: 940 },
      compared: true,
    }),
    ...released("deit_base_patch16_224", base, { published: { top1: 81.8, top5: 95.6, v100: 292 }, compared: true }),
    ...released("deit_base_patch16_384", { ...base, ...large }, { published: { top1: 82.9, top5: 96.2, v100: 86 } }),
    ...released(
      "deit_tiny_distilled_patch16_224",
      { ...tiny, ...distilled },
      { published: { top1: 74.5, top5: 91.9 }, compared: true },
    ),
    ...released(
      "deit_small_distilled_patch16_224",
      { ...small, ...distilled },
      { published: { top1: 81.2, top5: 95.4 }, compared: true },
    ),
    ...released(
      "deit_base_distilled_patch16_224",
      { ...base, ...distilled },
      { published: { top1: 83.4, top5: 96.5 }, compared: true },
    ),
    ...released(
      "deit_base_distilled_patch16_384",
      { ...base, ...large, ...distilled },
      { published: { top1: 85.2, top5: 97.2 } },
    ),
    /** Any size: DeiT's layout with the options given. */
    deit: { create: (options: Options) => deit("deit", options), anySize: true },
  },
});
