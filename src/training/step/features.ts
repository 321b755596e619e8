/** Feature distillation: a layer of the student imitates a layer of the teacher, vector for vector of a common grid. */

import { z } from "zod";
import type { Grid } from "../../geometry/image-size.js";
import { type FeatureLayer, featureLayer, featureMap } from "../../models/feature-map.js";
import type { Model, ParameterSpec } from "../../models/model.js";
import { resizeImages } from "../../models/resample.js";
import { imageSizeSchema } from "../../models/settings.js";
import {
  abs,
  constant,
  layerNorm,
  linear,
  mean,
  min,
  mul,
  reduceSum,
  reshape,
  sizeOf,
  stopGradient,
  sub,
  type Tensor,
} from "../../tensor/index.js";

/** A layer of the student and the layer of the teacher that it imitates. */
const pair = z.strictObject({
  teacher: z.string().meta({
    description:
      "Layer of the teacher that is imitated: a stage of a RegNetY (`s1` to `s4`), a block of a DeiT (`blocks.5`), its `norm`, or what a head reads (`head.input`, `head.fc.input`).",
  }),
  from: z.string().optional().meta({
    description: "Name of the teacher that shows it, if the recipe has several (`teachers`).",
  }),
  student: z.string().optional().meta({
    description: "Layer of the student that imitates it, named in the same way. Default: the block in the middle.",
  }),
  grid: imageSizeSchema(1024).optional().meta({
    description:
      "Vectors to a side that are compared, or their `[rows, columns]`, to which both layers are averaged; 1 compares pooled features. Default: the smaller of the layers' own.",
  }),
  weight: z
    .number()
    .positive()
    .default(1)
    .meta({ description: "Weight of the loss, which is added to the others. Default: 1." }),
  until: z.number().gt(0).max(1).default(1).meta({
    description:
      "Share of the epochs after which the weight is 0; the teacher's features of later ones are not stored. Default: 1.",
  }),
  fall: z.enum(["none", "linear", "cosine"]).default("none").meta({
    description: "How the weight falls until then: not at all (the default), in a line or in half a cosine.",
  }),
});

/** The setting of a recipe: one pair of layers, or several. */
export const featureSettings = {
  features: z
    .union([pair, z.array(pair).min(1).max(64).readonly()])
    .optional()
    .meta({
      description:
        "Feature distillation, beside any `distillation` or without: a layer of the student learns to predict a layer of the teacher; a list of such objects is for several layers, each with a projection and a weight of its own. Default: none.",
    }),
};

/** One pair of layers as a recipe has it. */
export type FeaturePair = Readonly<z.infer<typeof pair>>;

/** All pairs of the setting, in its order. */
export const featurePairs = (features: FeaturePair | readonly FeaturePair[] | undefined): readonly FeaturePair[] =>
  features === undefined ? [] : "teacher" in features ? [features] : features;

/** The name of what there is for each pair of layers; with a single one it has no number. */
export const ofPair = (name: string, index: number): string => (index === 0 ? name : `${name}.${index}`);

/** What is compared, once student and teacher are known. */
export interface FeatureDistillation {
  /** Layer of the student. */
  readonly student: string;
  /** Layer of the teacher. */
  readonly teacher: string;
  /** Rows and columns of vectors. */
  readonly grid: Grid;
  /** Length of the teacher's vectors. */
  readonly channels: number;
}

/** Names of the parameters that project the student's vectors to the length of the teacher's: `[channels, width]`, `[channels]`. */
export const projectionNames = (index = 0) => {
  const name = ofPair("featureProjection", index);
  return { weight: `${name}.weight`, bias: `${name}.bias` };
};

/** A projection's parameters: trained and saved with the run, but not part of the model. */
export function projectionOf(
  model: Model,
  { student, channels }: FeatureDistillation,
  index = 0,
): readonly ParameterSpec[] {
  const names = projectionNames(index);
  const { channels: width } = featureLayer(model, student, "student");
  const common = { kind: "parameter", init: { kind: "uniform", bound: 1 / Math.sqrt(width) } } as const;
  return [
    { ...common, name: names.weight, shape: [channels, width], decay: true },
    { ...common, name: names.bias, shape: [channels], decay: false },
  ];
}

/** The layer in the middle of a vision transformer; undefined for another model. */
export const middleLayer = ({ tokens }: Model): string | undefined =>
  tokens && `blocks.${Math.ceil(tokens.depth / 2) - 1}`;

/** The grid on which two layers are compared without a setting. */
export const commonGrid = (a: FeatureLayer, b: FeatureLayer): Grid => [
  Math.min(a.grid[0], b.grid[0]),
  Math.min(a.grid[1], b.grid[1]),
];

/** `[batch, rows, columns, channels]` on another grid: averaged where it divides both, otherwise resampled. */
export function onGrid(map: Tensor, grid: Grid): Tensor {
  const [batch, height, width, channels] = map.shape;
  const [rows, columns] = grid;
  if (height === rows && width === columns) return map;
  if (height % rows !== 0 || width % columns !== 0) return resizeImages(map, grid, "bilinear");
  return mean(reshape(map, [batch, rows, height / rows, columns, width / columns, channels]), [2, 4]);
}

/** A teacher's layer as it is imitated and stored: on the grid, each vector normalised. `[batch, rows, columns, channels]` */
export function taughtFeatures(model: Model, value: Tensor, { grid }: Pick<FeatureDistillation, "grid">): Tensor {
  const map = onGrid(featureMap(model, value), grid);
  const channels = map.shape[3];
  const all = (of: number) => constant("float32", [channels], new Array<number>(channels).fill(of));
  return stopGradient(layerNorm(map, all(1), all(0), 1e-5));
}

/**
 * Smooth L1 between the projected layer of the student and `taught` `[batch, rows, columns, channels]`, averaged over all
 * numbers: half the square of a difference up to 1, and the difference less a half beyond.
 */
export function featureLoss(
  model: Model,
  value: Tensor,
  taught: Tensor,
  { weight, bias }: { readonly weight: Tensor; readonly bias: Tensor },
): Tensor {
  const [, rows, columns] = taught.shape;
  const learning = linear(onGrid(featureMap(model, value), [rows, columns]), weight, bias);
  const far = abs(sub(learning, taught));
  const near = min(far, 1);
  return mul(reduceSum(mul(near, sub(far, mul(near, 0.5)))), 1 / sizeOf(taught.shape));
}
