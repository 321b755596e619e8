/** Settings of recipes that make a model: which there are, and how they become options of a model and come from them. */
import { z } from "zod";
import { plainSize } from "../geometry/image-size.js";
import { type Together, whole } from "./families/family.js";
import { families, type ModelOptions } from "./families/index.js";
import { registeredModel } from "./registry.js";

type Families = typeof families;
type Fragments = Together<{ [K in keyof Families]: Families[K]["settings"] }[keyof Families]>;

/** A size of images: one number for a square, or [height, width]. */
export function imageSizeSchema(most?: number) {
  const side = most === undefined ? whole : whole.max(most);
  return z
    .union(
      [side, z.tuple([side, side])],
      "it is neither a whole number of pixels, 1 or more, nor two as [height, width]",
    )
    .transform(plainSize);
}

/** Of every model: what its images are like. */
const ofAll = {
  imageSize: imageSizeSchema().optional().meta({
    description:
      "Size of the images in pixels: one number for a square, or `[height, width]`; default: the model's own.",
    timm: "img-size",
  }),
  channels: z.literal([1, 3, 4]).optional().meta({
    description:
      "Channels of the images: 1 (grayscale), 3 (RGB) or 4 (RGBA); default: 3. Weights of another number are adapted.",
    timm: "in-chans",
  }),
};

/** The settings of all families; what several read is one setting. */
const ofFamilies = Object.assign({}, ...Object.values(families).map(({ settings }) => settings)) as Fragments;

/** Settings that make another architecture of a named model. */
export const architectureSettings = { ...ofAll, ...ofFamilies };

const dropRate = z.number().min(0).max(0.99);

/** What drops out of a model while it trains. */
export const dropSettings = {
  dropPath: dropRate.default(0.1).meta({
    description:
      "Stochastic depth: probability of skipping the last block; it grows linearly from 0 at the first (see `dropPathRates`). Where a share of the batch can be left out of a branch, it is, so that a step computes less.",
    timm: "drop-path",
  }),
  patchDropout: dropRate.default(0).meta({
    description:
      "Patch dropout: share of the patches that each image goes without in training, drawn anew every time, so that a step computes less (arXiv 2208.07220).",
    timm: "patch-drop-rate",
  }),
  dropout: dropRate.default(0).meta({ description: "Probability of dropping an activation.", timm: "drop" }),
};

/** The settings that one setting groups, of all its kinds or in each entry of its list; undefined for one that stands alone. */
export function groupedSettings(schema: unknown): z.ZodRawShape | undefined {
  let inner = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodOptional || inner instanceof z.ZodReadonly)
    inner = inner.unwrap();
  if (inner instanceof z.ZodArray) return groupedSettings(inner.element);
  if (inner instanceof z.ZodUnion) {
    const groups = inner.options.map(groupedSettings).filter((group) => group !== undefined);
    return groups.length > 0 ? Object.assign({}, ...groups) : undefined;
  }
  return inner instanceof z.ZodObject ? inner.shape : undefined;
}

const keys = Object.keys(architectureSettings);
type Values = Readonly<Record<string, unknown>>;

/** The options of a model that settings ask for: those that are given, out of their groups. */
export function architectureOptions(settings: Values): ModelOptions {
  const flat = keys.map((key) =>
    groupedSettings(architectureSettings[key as keyof typeof architectureSettings])
      ? ((settings[key] ?? {}) as Values)
      : { [key]: settings[key] },
  );
  return given(Object.assign({}, ...flat));
}

/** The settings of the architecture that a registered model reads; undefined for another name. */
function settingsReadBy(name: string): z.ZodRawShape | undefined {
  const model = registeredModel(name);
  return model && (model.fixed ? ofAll : { ...ofAll, ...model.family.settings });
}

/** The options by which a recipe may change a registered model's architecture; undefined for another name. */
export function optionsReadBy(name: string): ReadonlySet<string> | undefined {
  const read = settingsReadBy(name);
  if (!read) return undefined;
  return new Set(Object.entries(read).flatMap(([key, schema]) => Object.keys(groupedSettings(schema) ?? { [key]: 0 })));
}

/** The settings that make a registered model of these options, as a checkpoint holds them; none for another name. */
export const settingsOf = (name: string, config: Values): Values =>
  given(
    Object.fromEntries(
      Object.entries(settingsReadBy(name) ?? {}).map(([key, schema]) => {
        const group = groupedSettings(schema);
        return [key, group ? given(pick(config, Object.keys(group))) : config[key]];
      }),
    ),
  );

const pick = (values: Values, names: readonly string[]): Values =>
  Object.fromEntries(names.map((name) => [name, values[name]]));

const given = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
