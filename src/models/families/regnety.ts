/** The RegNetYs, the convolutional teachers of the paper: where each lies in the design space (timm's names). */
import { z } from "zod";
import { type RegnetConfig, type RegnetDesign, regnety } from "../regnet.js";
import { channelsIn, family, type ModelEntry, positive, shared, whole } from "./family.js";

type Options = Partial<RegnetConfig>;
type Entry = ModelEntry<RegnetConfig>;

/** depth, initial width, slope, factor, group width; the number in a name is GFLOPs times ten */
type Point = readonly [number, number, number, number, number];

const fixed = (
  name: string,
  [depth, initialWidth, slope, factor, groupWidth]: Point,
  timmCropRatio: number,
  about: Partial<Entry> & Pick<Options, "keepsWidth"> = {},
): Record<string, Entry> => {
  const { keepsWidth, ...rest } = about;
  const design = { depth, initialWidth, slope, factor, groupWidth };
  return {
    [name]: {
      create: ({ imageSize = 224, channels, classes = 1000, dropPath = 0 }) =>
        regnety(name, design, { imageSize, channels, classes, dropPath, ...(keepsWidth ? { keepsWidth } : {}) }),
      fixed: true,
      timmCropRatio,
      ...rest,
    },
  };
};

const eight: Point = [14, 56, 38.84, 2.4, 16];
const eighty: Point = [17, 192, 76.82, 2.19, 56];

/** Small enough for images of 32 pixels on a CPU: 0.6 M parameters, three stages. */
const smallDesign: RegnetDesign & Options = {
  ...{ depth: 6, initialWidth: 32, slope: 18, factor: 2, groupWidth: 16 },
  imageSize: 32,
  stemStride: 1,
};

export const regnetyFamily = family({
  title: "RegNetY",
  description: "Convolutional networks of arXiv 2003.13678, the teachers of the paper (section 5.1).",
  settings: {
    depth: shared.depth,
    /** The design space of the model `regnety`. */
    regnet: z
      .strictObject({
        initialWidth: whole.meta({ description: "Channels of the first block." }),
        slope: positive.meta({ description: "How much wider each further block is, before rounding." }),
        factor: z.number().min(1.5).meta({ description: "Widths are rounded to powers of this factor." }),
        groupWidth: whole.meta({ description: "Channels of one group of the 3×3 convolutions." }),
        stemWidth: whole.meta({ description: "Channels of the stem." }),
        stemStride: whole.max(2).meta({ description: "Stride of the stem; 1 for images of about 32 pixels." }),
      })
      .partial()
      .default({})
      .meta({
        description:
          "Position of the model `regnety` in its design space; settings left out are those of a small network for 32 pixels.",
      }),
  },
  parameters: {
    names: /^(stem\.(conv|bn)\.\w+|s\d\.b\d+\..+|head\.fc\.\w+)$/,
    anchors: ["stem.conv.weight", "s1.b1.conv1.conv.weight"],
  },
  optionsOf: (shapes) => channelsIn(shapes.get("stem.conv.weight")),
  transformers: "regnet",
  models: {
    /** Any point of the design space (default: a small one). */
    regnety: { create: (options: Options) => regnety("regnety", smallDesign, options), anySize: true },
    ...fixed("regnety_002", [13, 24, 36.44, 2.49, 8], 0.875),
    ...fixed("regnety_004", [16, 48, 27.89, 2.09, 8], 0.965),
    ...fixed("regnety_006", [15, 48, 32.54, 2.32, 16], 0.875),
    ...fixed("regnety_008", eight, 0.875),
    ...fixed("regnety_016", [27, 48, 20.71, 2.65, 24], 0.965),
    ...fixed("regnety_032", [21, 80, 42.63, 2.66, 24], 0.95),
    ...fixed("regnety_040", [22, 96, 31.41, 2.24, 64], 0.95, {
      hub: ["timm/regnety_040.pycls_in1k"],
      published: { top1: 80.0 },
    }),
    ...fixed("regnety_064", [25, 112, 33.22, 2.27, 72], 0.95),
    ...fixed("regnety_080", eighty, 0.95, { hub: ["timm/regnety_080.pycls_in1k"], published: { top1: 81.7 } }),
    ...fixed("regnety_120", [19, 168, 73.36, 2.37, 112], 0.95, {
      hub: ["timm/regnety_120.pycls_in1k"],
      published: { top1: 82.4 },
    }),
    // The largest teacher is the one trained with DeiT's own augmentation, the others are their authors' (table 2).
    ...fixed("regnety_160", [18, 200, 106.23, 2.48, 112], 0.95, {
      hub: ["timm/regnety_160.deit_in1k"],
      published: { top1: 82.9 },
    }),
    ...fixed("regnety_320", [20, 232, 115.89, 2.53, 232], 0.965),
    // Those that torchvision has in other widths.
    ...fixed("regnety_008_tv", eight, 0.965, { keepsWidth: true }),
    ...fixed("regnety_080_tv", eighty, 0.965, { keepsWidth: true }),
  },
});
