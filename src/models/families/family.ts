/** What a family of models says of itself, so that nobody else needs to know one by its name. */
import { z } from "zod";
import type { Shape } from "../../tensor/index.js";
import type { Model, Normalization } from "../model.js";

/** Accuracy and speed as the authors give them, to set beside one's own figures. */
export interface PublishedFigures {
  /** ImageNet accuracy of the released weights, percent; of a RegNetY, of the paper's training (table 2). */
  readonly top1: number;
  readonly top5?: number;
  /** Images per second on one V100, largest batch, average of 30 runs (table 1). */
  readonly v100?: number;
}

/** A model by name. */
export interface ModelEntry<Options> {
  readonly create: (options: Partial<Options>) => Model;
  /** The name says no size: any can be configured, and no weights of it are published. */
  readonly anySize?: true;
  /** The name settles all sizes but the image's: it reads no settings of its family. */
  readonly fixed?: true;
  /** Repositories of its weights on the Hugging Face hub, the usual first; one of the others is chosen by its tag (after the dot). */
  readonly hub?: readonly [string, ...string[]];
  readonly published?: PublishedFigures;
  /** Its series in charts, where that is not the family's title. */
  readonly series?: string;
  /** Whether it is one of those that speed is compared of, where nobody chooses. */
  readonly compared?: true;
  /** timm's crop_pct for the first weights of this name, which its training arguments stand on (default: the model's own). */
  readonly timmCropRatio?: number;
}

/** Shapes of tensors by name. */
export type Shapes = ReadonlyMap<string, Shape>;

/** A normalisation, and the name that tells it. */
export interface NamedNormalization {
  readonly name: string;
  readonly normalization: Normalization;
}

/** A family: what its models have in common, and the models. */
export interface ModelFamily<Options, Settings extends z.ZodRawShape = z.ZodRawShape> {
  /** In charts and documents, as "RegNetY". */
  readonly title: string;
  /** One sentence: what it is, and whose. */
  readonly description: string;
  /**
   * Settings of a recipe that its models read beside those of every model, under the names of their options; one that is
   * an object groups options.
   */
  readonly settings: Settings;
  readonly models: Readonly<Record<string, ModelEntry<Options>>>;
  /** Names of its parameters: those that tell its weights from others, and of these some that every model has one of, near its beginning. */
  readonly parameters: { readonly names: RegExp; readonly anchors: readonly string[] };
  /** `model_type` of the same architecture in transformers' config.json. */
  readonly transformers?: string;
  /**
   * By what images of published weights are normalised that a file's name tells, where that is not the architecture's way;
   * with the part of the name that tells it.
   */
  readonly namedNormalization?: (fileName: string) => NamedNormalization | undefined;
  /** Options that only the tensors of weights tell, not their model's name. */
  readonly optionsOf?: (shapes: Shapes) => Partial<Options>;
  /** Options that change results and that neither names nor shapes of tensors tell. */
  readonly withoutTrace?: readonly (keyof Options & string)[];
}

/** A family, its settings' types kept. */
export const family = <Options, Settings extends z.ZodRawShape>(
  about: ModelFamily<Options, Settings>,
): ModelFamily<Options, Settings> => about;

/** The intersection of the types of a union. */
export type Together<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I : never;

/** Kinds of values of settings. */
export const whole = z.number().int().min(1);
export const positive = z.number().positive();

/** Settings that families share. */
export const shared = {
  depth: whole.optional().meta({ description: "Number of blocks; default: the model's own." }),
};
