/** DeiT III (Touvron et al., arXiv 2204.07118): LayerScale, and positions of patches only. */
import { largestSide } from "../../geometry/image-size.js";
import { type DeitConfig, deit } from "../deit.js";
import { family, type ModelEntry } from "./family.js";
import { base, optionsOf, parameters, settings, small, withoutTrace } from "./vision-transformers.js";

type Options = Partial<DeitConfig>;

/**
 * A released model, with the accuracy of its weights from README_revenge.md of facebookresearch/deit: trained on
 * ImageNet-1k alone, which are the usual ones, and on ImageNet-21k first (`hub:fb_in22k_ft_in1k`).
 */
const released = (
  name: string,
  sizes: Options,
  top1: number,
  top1After21k: number,
): Record<string, ModelEntry<DeitConfig>> => ({
  [name]: {
    create: (options) => {
      const all = { layerScale: 1e-6, noEmbedClass: true, ...sizes, ...options };
      return deit(name, all, { cropRatio: largestSide(all.imageSize ?? 224) > 224 ? 1 : 0.9 });
    },
    hub: [`timm/${name}.fb_in1k`, `timm/${name}.fb_in22k_ft_in1k`],
    timmCropRatio: sizes.imageSize === 384 ? 1 : 0.9,
    published: { top1, top1After21k },
  },
});

const medium = { width: 512, depth: 12, heads: 8 };
const large = { width: 1024, depth: 24, heads: 16 };
const huge = { width: 1280, depth: 32, heads: 16, patchSize: 14 };
const at384 = { imageSize: 384 };

export const deit3Family = family({
  title: "DeiT III",
  description: "The vision transformers of arXiv 2204.07118, trained for long with simple augmentation.",
  settings,
  parameters,
  optionsOf,
  withoutTrace,
  models: {
    ...released("deit3_small_patch16_224", small, 81.4, 83.1),
    ...released("deit3_small_patch16_384", { ...small, ...at384 }, 83.4, 84.8),
    ...released("deit3_medium_patch16_224", medium, 83.0, 84.5),
    ...released("deit3_base_patch16_224", base, 83.8, 85.7),
    ...released("deit3_base_patch16_384", { ...base, ...at384 }, 85.0, 86.7),
    ...released("deit3_large_patch16_224", large, 84.9, 87.0),
    ...released("deit3_large_patch16_384", { ...large, ...at384 }, 85.8, 87.7),
    ...released("deit3_huge_patch14_224", huge, 85.2, 87.2),
  },
});
