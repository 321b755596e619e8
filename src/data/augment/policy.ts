/**
 * Augmentation policies from timm's strings, such as `rand-m9-mstd0.5-inc1`: parsed once, then applied to each image.
 */
import { UsageError } from "../../errors/errors.js";
import { beta, gamma } from "../../random/distributions.js";
import type { RandomStream } from "../../random/stream.js";
import type { RgbImage } from "../pixels/image.js";
import { type AutoAugmentName, autoAugmentPolicies, type PolicyStep } from "./auto-augment.js";
import { applyOperation, argumentOf, type OperationName, type OperationSettings } from "./operations.js";

/** How magnitudes vary from one operation to the next. */
export interface Magnitudes {
  /** Standard deviation; `uniform`: uniform from 0 to the magnitude. */
  readonly deviation: number | "uniform";
  /** Largest magnitude that is drawn; 10 is the full strength of an operation. */
  readonly most: number;
}

/** Plain data, so that it can be sent to worker threads. */
export type Policy =
  | ({
      /** RandAugment: `layers` operations in turn, drawn for each image. */
      readonly kind: "rand";
      /** Operations, with their weights; without weights they may repeat. */
      readonly operations: readonly OperationName[];
      /** Relative probability of each operation, in their order. */
      readonly weights?: readonly number[];
      /** Operations that are drawn for an image. */
      readonly layers: number;
      /** Their mean magnitude, 0 to 10. */
      readonly magnitude: number;
      /** Probability that an operation that was drawn is applied, 0 to 1. */
      readonly probability: number;
    } & Magnitudes)
  | ({
      /** AutoAugment: one of the listed policies, drawn for each image. */
      readonly kind: "auto";
      /** The policies, each a list of operations that are applied in turn. */
      readonly choices: readonly (readonly PolicyStep[])[];
    } & Magnitudes)
  | ({
      /** AugMix: several chains of operations, mixed with each other and with the image. */
      readonly kind: "augmix";
      /** Operations that chains are drawn from. */
      readonly operations: readonly OperationName[];
      /** Their mean magnitude, 0 to 10. */
      readonly magnitude: number;
      /** Number of chains that are mixed. */
      readonly chains: number;
      /** Operations in each chain (default: drawn from 1 to 3). */
      readonly depth?: number;
      /** Parameter of the Dirichlet and beta distributions. */
      readonly alpha: number;
    } & Magnitudes);

const geometry = ["ShearX", "ShearY", "TranslateXRel", "TranslateYRel"] as const;

const randOperations: readonly OperationName[] = [
  ...(["AutoContrast", "Equalize", "Invert", "Rotate", "Posterize", "Solarize", "SolarizeAdd"] as const),
  ...(["Color", "Contrast", "Brightness", "Sharpness"] as const),
  ...geometry,
];

const increasingOperations: readonly OperationName[] = [
  ...(["AutoContrast", "Equalize", "Invert", "Rotate", "PosterizeIncreasing", "SolarizeIncreasing"] as const),
  ...(["SolarizeAdd", "ColorIncreasing", "ContrastIncreasing", "BrightnessIncreasing", "SharpnessIncreasing"] as const),
  ...geometry,
];

const augmixOperations: readonly OperationName[] = [
  ...(["AutoContrast", "ColorIncreasing", "ContrastIncreasing", "BrightnessIncreasing"] as const),
  ...(["SharpnessIncreasing", "Equalize", "Rotate", "PosterizeIncreasing", "SolarizeIncreasing"] as const),
  ...geometry,
];

/** timm's named sets of operations, with their weights. */
const weightedSets: Readonly<Record<string, Readonly<Partial<Record<OperationName, number>>>>> = {
  weights: {
    Rotate: 3,
    ShearX: 2,
    ShearY: 2,
    TranslateXRel: 1,
    TranslateYRel: 1,
    ColorIncreasing: 0.25,
    SharpnessIncreasing: 0.25,
    AutoContrast: 0.25,
    SolarizeIncreasing: 0.05,
    SolarizeAdd: 0.05,
    ContrastIncreasing: 0.05,
    BrightnessIncreasing: 0.05,
    Equalize: 0.05,
    PosterizeIncreasing: 0.05,
    Invert: 0.05,
  },
  "3aw": {
    SolarizeIncreasing: 6,
    Desaturate: 6,
    GaussianBlur: 6,
    Rotate: 3,
    ShearX: 2,
    ShearY: 2,
    PosterizeIncreasing: 1,
    AutoContrast: 1,
    ColorIncreasing: 1,
    SharpnessIncreasing: 1,
    ContrastIncreasing: 1,
    BrightnessIncreasing: 1,
    Equalize: 1,
    Invert: 1,
  },
};

/** Parses timm's string for RandAugment, AutoAugment or AugMix; undefined for "none". */
export function parsePolicy(text: string): Policy | undefined {
  if (text === "none") return undefined;
  const [kind, ...sections] = text.split("-");
  const values = new Map<string, string>();
  for (const section of sections) {
    const [, key, value] = /^(t(?=\D)|[a-z]+)(.*)$/.exec(section) ?? [];
    if (!key) throw wrong(text, `the part "${section}" is not a letter with a value`);
    values.set(key, value);
  }
  const policy =
    kind === "rand"
      ? randPolicy(text, values)
      : kind === "augmix"
        ? augmixPolicy(text, values)
        : autoPolicy(text, kind, values);
  for (const key of values.keys()) throw wrong(text, `"${key}" is not known there`);
  return policy;
}

function wrong(text: string, why: string): UsageError {
  return new UsageError(
    `autoAugment is "${text}", but ${why}; write "none", RandAugment as rand-m9-n2-mstd0.5-inc1 (also mmax, p, t), AutoAugment as ${Object.keys(autoAugmentPolicies).join(", ")}, or AugMix as augmix-m3-w3.`,
  );
}

/** Takes a number out of `values`. */
function take(text: string, values: Map<string, string>, key: string, otherwise: number): number {
  const value = values.get(key);
  values.delete(key);
  const number = value === undefined ? otherwise : value === "inf" ? Infinity : Number(value || Number.NaN);
  if (Number.isNaN(number) || number < 0) throw wrong(text, `the value of "${key}" is not a number`);
  return number;
}

function magnitudes(text: string, values: Map<string, string>, deviation = 0): Magnitudes {
  const std = take(text, values, "mstd", deviation);
  // timm's marker for a uniform draw.
  return { deviation: std > 100 ? "uniform" : std, most: take(text, values, "mmax", 10) };
}

function randPolicy(text: string, values: Map<string, string>): Policy {
  const increasing = take(text, values, "inc", 0) !== 0;
  const set = values.get("t");
  values.delete("t");
  const weighted = set === undefined ? undefined : weightedSets[set];
  if (set !== undefined && !weighted && set !== "3a") throw wrong(text, `there is no set of operations "${set}"`);
  const operations: readonly OperationName[] = weighted
    ? (Object.keys(weighted) as OperationName[])
    : set === "3a"
      ? ["SolarizeIncreasing", "Desaturate", "GaussianBlur"]
      : increasing
        ? increasingOperations
        : randOperations;
  return {
    kind: "rand",
    operations,
    weights: weighted && operations.map((name) => weighted[name] ?? 0),
    layers: take(text, values, "n", 2),
    magnitude: take(text, values, "m", 10),
    probability: take(text, values, "p", 0.5),
    ...magnitudes(text, values),
  };
}

function autoPolicy(text: string, name: string, values: Map<string, string>): Policy {
  if (!Object.hasOwn(autoAugmentPolicies, name)) throw wrong(text, `there is no policy "${name}"`);
  return { kind: "auto", choices: autoAugmentPolicies[name as AutoAugmentName], ...magnitudes(text, values) };
}

function augmixPolicy(text: string, values: Map<string, string>): Policy {
  const depth = take(text, values, "d", 0);
  return {
    kind: "augmix",
    operations: augmixOperations,
    magnitude: take(text, values, "m", 3),
    chains: take(text, values, "w", 3),
    depth: depth > 0 ? depth : undefined,
    alpha: take(text, values, "a", 1),
    ...magnitudes(text, values, Infinity),
  };
}

/** One operation of a policy with its drawn argument. */
export interface Decision {
  readonly name: OperationName;
  readonly argument?: number;
}

/** Draws a policy's operations on an image, in order; AugMix's chains are drawn one by one by `augMix`. */
export function drawDecisions(
  policy: Exclude<Policy, { kind: "augmix" }>,
  settings: OperationSettings,
  stream: RandomStream,
): Decision[] {
  const steps: readonly PolicyStep[] =
    policy.kind === "auto"
      ? stream.choice(policy.choices)
      : drawOperations(policy, stream).map((name) => [name, policy.probability, policy.magnitude] as const);
  return steps.flatMap(([name, probability, magnitude]) =>
    probability < 1 && stream.uniform() > probability ? [] : [decide(name, magnitude, policy, settings, stream)],
  );
}

function decide(
  name: OperationName,
  magnitude: number,
  { deviation, most }: Magnitudes,
  settings: OperationSettings,
  stream: RandomStream,
): Decision {
  const drawn =
    deviation === "uniform"
      ? stream.uniform(0, magnitude)
      : deviation > 0
        ? stream.normal(magnitude, deviation)
        : magnitude;
  return { name, argument: argumentOf(name, Math.max(0, Math.min(drawn, most)), settings, stream) };
}

/** RandAugment's operations: drawn with replacement, or by weight without replacement. */
function drawOperations(
  { operations, weights, layers }: Extract<Policy, { kind: "rand" }>,
  stream: RandomStream,
): OperationName[] {
  if (!weights) return Array.from({ length: layers }, () => stream.choice(operations));
  const left = weights.slice();
  return Array.from({ length: Math.min(layers, operations.length) }, () => {
    const at = weightedIndex(left, stream.uniform());
    left[at] = 0;
    return operations[at];
  });
}

/** The index whose share of the weights' sum contains `u` in [0, 1). */
function weightedIndex(weights: readonly number[], u: number): number {
  const target = u * weights.reduce((a, b) => a + b, 0);
  let sum = 0;
  const at = weights.findIndex((w) => {
    sum += w;
    return target < sum;
  });
  return at < 0 ? weights.findLastIndex((w) => w > 0) : at;
}

/** Applies a policy to an image. */
export function applyPolicy(
  image: RgbImage,
  policy: Policy,
  settings: OperationSettings,
  stream: RandomStream,
): RgbImage {
  if (policy.kind === "augmix") return augMix(image, policy, settings, stream);
  let result = image;
  for (const { name, argument } of drawDecisions(policy, settings, stream))
    result = applyOperation(name, result, argument, settings, stream);
  return result;
}

/** AugMix (Hendrycks et al. 2020): chains of operations mixed with each other, then with the image. */
function augMix(
  image: RgbImage,
  policy: Extract<Policy, { kind: "augmix" }>,
  settings: OperationSettings,
  stream: RandomStream,
): RgbImage {
  const shares = Array.from({ length: policy.chains }, () => gamma(stream, policy.alpha));
  const total = shares.reduce((a, b) => a + b, 0);
  const share = beta(stream, policy.alpha);
  const mixed = new Float32Array(image.data.length);
  const mixedAlpha = new Float32Array(image.alpha?.length ?? 0);
  for (const weight of shares) {
    const depth = policy.depth ?? 1 + stream.integer(3);
    let chain = image;
    for (let i = 0; i < depth; i++) {
      const { name, argument } = decide(stream.choice(policy.operations), policy.magnitude, policy, settings, stream);
      chain = applyOperation(name, chain, argument, settings, stream);
    }
    for (let i = 0; i < mixed.length; i++) mixed[i] += (weight / total) * chain.data[i];
    for (let i = 0; i < mixedAlpha.length; i++) mixedAlpha[i] += (weight / total) * chain.alpha![i];
  }
  const blended = (own: Uint8Array, others: Float32Array) =>
    Uint8Array.from(own, (v, i) => v + share * (Math.trunc(others[i]) - v));
  const alpha = image.alpha ? { alpha: blended(image.alpha, mixedAlpha) } : {};
  return { width: image.width, height: image.height, data: blended(image.data, mixed), ...alpha };
}
