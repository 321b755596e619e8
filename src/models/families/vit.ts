/** The architecture of DeiT as its authors published it before, for images normalised by 0.5 (timm's names). */
import { largestSide } from "../../geometry/image-size.js";
import { type DeitConfig, deit } from "../deit.js";
import type { Normalization } from "../model.js";
import { family, type ModelEntry, type NamedNormalization } from "./family.js";
import { base, optionsOf, parameters, settings, small, tiny, withoutTrace } from "./vision-transformers.js";

type Options = Partial<DeitConfig>;

const half: Normalization = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

const vit = (name: string, sizes: Options): Record<string, ModelEntry<DeitConfig>> => ({
  [name]: {
    create: (options) => {
      const all = { ...sizes, ...options };
      return deit(name, all, { normalization: half, cropRatio: largestSide(all.imageSize ?? 224) > 224 ? 1 : 0.9 });
    },
    timmCropRatio: sizes.imageSize === 384 ? 1 : 0.9,
  },
});

/** timm's vision transformers take images normalised by 0.5, but for those of a few trainings that their names tell. */
function namedNormalization(fileName: string): NamedNormalization | undefined {
  const name = /vit_(tiny|small|base|large|huge)_patch\d+_\d+/.exec(fileName)?.[0];
  return name && !/dino|mae|clip|deit/.test(fileName) ? { name, normalization: half } : undefined;
}

export const vitFamily = family({
  title: "ViT",
  description: "Vision transformers of arXiv 2010.11929 in the sizes of DeiT and with other patches.",
  settings,
  parameters,
  optionsOf,
  withoutTrace,
  transformers: "vit",
  namedNormalization,
  models: {
    ...vit("vit_tiny_patch16_224", tiny),
    ...vit("vit_small_patch16_224", small),
    ...vit("vit_base_patch16_224", base),
    ...vit("vit_tiny_patch16_384", { ...tiny, imageSize: 384 }),
    ...vit("vit_small_patch16_384", { ...small, imageSize: 384 }),
    ...vit("vit_base_patch16_384", { ...base, imageSize: 384 }),
    ...vit("vit_small_patch32_224", { ...small, patchSize: 32 }),
    ...vit("vit_base_patch32_224", { ...base, patchSize: 32 }),
    ...vit("vit_base_patch8_224", { ...base, patchSize: 8 }),
  },
});
