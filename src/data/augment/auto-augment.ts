/** The policies that AutoAugment's search found (Cubuk et al. 2019), as [operation, probability, magnitude]. */
import type { OperationName } from "./operations.js";

/** An operation of a policy, how often it is applied and how strongly. */
export type PolicyStep = readonly [operation: OperationName, probability: number, magnitude: number];

/** ImageNet's policy of the paper. */
const original: readonly (readonly PolicyStep[])[] = [
  [
    ["PosterizeOriginal", 0.4, 8],
    ["Rotate", 0.6, 9],
  ],
  [
    ["Solarize", 0.6, 5],
    ["AutoContrast", 0.6, 5],
  ],
  [
    ["Equalize", 0.8, 8],
    ["Equalize", 0.6, 3],
  ],
  [
    ["PosterizeOriginal", 0.6, 7],
    ["PosterizeOriginal", 0.6, 6],
  ],
  [
    ["Equalize", 0.4, 7],
    ["Solarize", 0.2, 4],
  ],
  [
    ["Equalize", 0.4, 4],
    ["Rotate", 0.8, 8],
  ],
  [
    ["Solarize", 0.6, 3],
    ["Equalize", 0.6, 7],
  ],
  [
    ["PosterizeOriginal", 0.8, 5],
    ["Equalize", 1, 2],
  ],
  [
    ["Rotate", 0.2, 3],
    ["Solarize", 0.6, 8],
  ],
  [
    ["Equalize", 0.6, 8],
    ["PosterizeOriginal", 0.4, 6],
  ],
  [
    ["Rotate", 0.8, 8],
    ["Color", 0.4, 0],
  ],
  [
    ["Rotate", 0.4, 9],
    ["Equalize", 0.6, 2],
  ],
  [
    ["Equalize", 0, 7],
    ["Equalize", 0.8, 8],
  ],
  [
    ["Invert", 0.6, 4],
    ["Equalize", 1, 8],
  ],
  [
    ["Color", 0.6, 4],
    ["Contrast", 1, 8],
  ],
  [
    ["Rotate", 0.8, 8],
    ["Color", 1, 2],
  ],
  [
    ["Color", 0.8, 8],
    ["Solarize", 0.8, 7],
  ],
  [
    ["Sharpness", 0.4, 7],
    ["Invert", 0.6, 8],
  ],
  [
    ["ShearX", 0.6, 5],
    ["Equalize", 1, 9],
  ],
  [
    ["Color", 0.4, 0],
    ["Equalize", 0.6, 3],
  ],
  [
    ["Equalize", 0.4, 7],
    ["Solarize", 0.2, 4],
  ],
  [
    ["Solarize", 0.6, 5],
    ["AutoContrast", 0.6, 5],
  ],
  [
    ["Invert", 0.6, 4],
    ["Equalize", 1, 8],
  ],
  [
    ["Color", 0.6, 4],
    ["Contrast", 1, 8],
  ],
  [
    ["Equalize", 0.8, 8],
    ["Equalize", 0.6, 3],
  ],
];

/** The policy of EfficientNet's original code. */
const v0: readonly (readonly PolicyStep[])[] = [
  [
    ["Equalize", 0.8, 1],
    ["ShearY", 0.8, 4],
  ],
  [
    ["Color", 0.4, 9],
    ["Equalize", 0.6, 3],
  ],
  [
    ["Color", 0.4, 1],
    ["Rotate", 0.6, 8],
  ],
  [
    ["Solarize", 0.8, 3],
    ["Equalize", 0.4, 7],
  ],
  [
    ["Solarize", 0.4, 2],
    ["Solarize", 0.6, 2],
  ],
  [
    ["Color", 0.2, 0],
    ["Equalize", 0.8, 8],
  ],
  [
    ["Equalize", 0.4, 8],
    ["SolarizeAdd", 0.8, 3],
  ],
  [
    ["ShearX", 0.2, 9],
    ["Rotate", 0.6, 8],
  ],
  [
    ["Color", 0.6, 1],
    ["Equalize", 1, 2],
  ],
  [
    ["Invert", 0.4, 9],
    ["Rotate", 0.6, 0],
  ],
  [
    ["Equalize", 1, 9],
    ["ShearY", 0.6, 3],
  ],
  [
    ["Color", 0.4, 7],
    ["Equalize", 0.6, 0],
  ],
  [
    ["Posterize", 0.4, 6],
    ["AutoContrast", 0.4, 7],
  ],
  [
    ["Solarize", 0.6, 8],
    ["Color", 0.6, 9],
  ],
  [
    ["Solarize", 0.2, 4],
    ["Rotate", 0.8, 9],
  ],
  [
    ["Rotate", 1, 7],
    ["TranslateYRel", 0.8, 9],
  ],
  [
    ["ShearX", 0, 0],
    ["Solarize", 0.8, 4],
  ],
  [
    ["ShearY", 0.8, 0],
    ["Color", 0.6, 4],
  ],
  [
    ["Color", 1, 0],
    ["Rotate", 0.6, 2],
  ],
  [
    ["Equalize", 0.8, 4],
    ["Equalize", 0, 8],
  ],
  [
    ["Equalize", 1, 4],
    ["AutoContrast", 0.6, 2],
  ],
  [
    ["ShearY", 0.4, 7],
    ["SolarizeAdd", 0.6, 7],
  ],
  [
    ["Posterize", 0.8, 2],
    ["Solarize", 0.6, 10],
  ],
  [
    ["Solarize", 0.6, 8],
    ["Equalize", 0.6, 1],
  ],
  [
    ["Color", 0.8, 6],
    ["Rotate", 0.4, 5],
  ],
];

/** DeiT III's three operations, one of which is applied each time (arXiv 2204.07118, section 4). */
const threeAugment: readonly (readonly PolicyStep[])[] = [
  [["Solarize", 1, 5]],
  [["Desaturate", 1, 10]],
  [["GaussianBlurRand", 1, 10]],
];

/** The same with posterisation that increases with the magnitude. */
const increasing = (policy: readonly (readonly PolicyStep[])[]): readonly (readonly PolicyStep[])[] =>
  policy.map((steps) =>
    steps.map(([name, p, m]) => [name.startsWith("Posterize") ? "PosterizeIncreasing" : name, p, m] as const),
  );

export const autoAugmentPolicies = {
  original,
  originalr: increasing(original),
  v0,
  v0r: increasing(v0),
  "3a": threeAugment,
} as const;

export type AutoAugmentName = keyof typeof autoAugmentPolicies;
