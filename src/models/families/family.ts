/** A family of models describes itself completely, so that no other module needs to know a model by name. */
import { z } from "zod";
import type { Channels } from "../../geometry/channels.js";
import type { Shape } from "../../tensor/index.js";
import type { Model, Normalization } from "../model.js";

/** Accuracy and speed as published by the authors, for comparison. */
export interface PublishedFigures {
  /** ImageNet accuracy of the released weights in percent; for a RegNetY, of the paper's training (table 2). */
  readonly top1: number;
  readonly top5?: number;
  /** The same accuracy of weights that were trained on ImageNet-21k first. */
  readonly top1After21k?: number;
  /** Images per second on one V100, largest batch, average of 30 runs (table 1). */
  readonly v100?: number;
}

/** A model by name. */
export interface ModelEntry<Options> {
  readonly create: (options: Partial<Options>) => Model;
  /** The name implies no size: any can be configured, and no weights are published. */
  readonly anySize?: true;
  /** The name determines all sizes except the image's: it reads no settings of its family. */
  readonly fixed?: true;
  /** Repositories of its weights on the Hugging Face hub, the default first; the tag after the dot selects another. */
  readonly hub?: readonly [string, ...string[]];
  readonly published?: PublishedFigures;
  /** Its series in charts, if that is not the family's title. */
  readonly series?: string;
  /** Whether its speed is compared by default. */
  readonly compared?: true;
  /** timm's crop_pct for the first weights of this name, which its training arguments assume (default: the model's own). */
  readonly timmCropRatio?: number;
}

/** Shapes of tensors by name. */
export type Shapes = ReadonlyMap<string, Shape>;

/** A normalisation, and the name that implies it. */
export interface NamedNormalization {
  readonly name: string;
  readonly normalization: Normalization;
}

/** A family: what its models have in common, and the models. */
export interface ModelFamily<Options, Settings extends z.ZodRawShape = z.ZodRawShape> {
  /** In charts and documents, as "RegNetY". */
  readonly title: string;
  /** One sentence: what it is, and by whom. */
  readonly description: string;
  /**
   * Recipe settings that its models read in addition to those of every model, with the names of their options; an object
   * groups options.
   */
  readonly settings: Settings;
  readonly models: Readonly<Record<string, ModelEntry<Options>>>;
  /** Names of its parameters: a pattern that distinguishes its weights from others, and early names of which every model has one. */
  readonly parameters: { readonly names: RegExp; readonly anchors: readonly string[] };
  /** `model_type` of the same architecture in transformers' config.json. */
  readonly transformers?: string;
  /**
   * The normalisation that a file's name implies, if it is not the architecture's own, with the part of the name that
   * implies it.
   */
  readonly namedNormalization?: (fileName: string) => NamedNormalization | undefined;
  /** Options that follow from the tensors of weights, not from the model's name. */
  readonly optionsOf?: (shapes: Shapes) => Partial<Options>;
  /** Options that change results but follow from neither names nor shapes of tensors. */
  readonly withoutTrace?: readonly (keyof Options & string)[];
}

/** Infers the types of the settings. */
export const family = <Options, Settings extends z.ZodRawShape>(
  about: ModelFamily<Options, Settings>,
): ModelFamily<Options, Settings> => about;

/** The intersection of the types of a union. */
export type Together<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I : never;

/** The channels of images by the weight of the first convolution, if they are not three. */
export const channelsIn = (kernel: Shape | undefined): { readonly channels?: Channels } =>
  kernel?.length === 4 && kernel[1] !== 3 ? { channels: kernel[1] as Channels } : {};

/** Kinds of values of settings. */
export const whole = z.number().int().min(1);
export const positive = z.number().positive();

/** Settings that families share. */
export const shared = {
  depth: whole.optional().meta({ description: "Number of blocks; default: the model's own." }),
};
