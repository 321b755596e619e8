/** Mimetic initialisation (Trockman and Kolter, ICML 2023): attention starts as trained vision transformers have it. */
import { UsageError } from "../errors/errors.js";
import { sentence, setting } from "../errors/sentence.js";
import { RandomStream } from "../random/stream.js";
import { float32, type HostTensor, type NamedTensors } from "../tensor/index.js";
import { initializeInPieces } from "./initialize.js";
import type { Model, TokenGrid } from "./model.js";
import { symmetricEigen } from "./symmetric-eigen.js";

/** Factor on identity and noise alike, in the product of queries and keys (the article's α₁ and β₁). */
const queryKey = 0.7;
/** The same in the product of values and projection, which is negative (its α₂ and β₂). */
const valueProjection = 0.4;

/**
 * First values with a pause after each piece of the work. Of each block, with Z of independent normal numbers of
 * variance 1/width:
 *
 * - each head's queries and keys are the factors of the best product of its width to 0.7 (Z + I);
 * - values and projection are the factors of -0.4 (Z + I), all heads together;
 * - patches have sinusoidal positions, the class and distillation tokens theirs as drawn;
 * - the rest is as `initialize` draws it.
 *
 * The factors are those of singular values, square roots to either side. Drawing and factoring an own Z for every head
 * would take hours for large models. But the numbers of Z are independent and symmetric, so Z with its channels in
 * another order and with other signs is as likely: one Z is factored, and each head and block has an order and signs of
 * its own. Throws UsageError for a model that is not a DeiT or ViT.
 */
export function* mimeticInPieces(model: Model, seed: number): Generator<undefined, NamedTensors> {
  const { tokens, width } = transformerOf(model);
  const weights = new Map(yield* initializeInPieces(model, seed));
  const factors = yield* factorsOf(width, new RandomStream({ seed, purpose: "mimetic" }));
  const headWidth = width / tokens.heads;
  for (let block = 0; block < tokens.depth; block++) {
    yield;
    const name = `blocks.${block}.attn`;
    const turned = (purpose: string, count: number) =>
      shuffled(factors, count, new RandomStream({ seed, purpose: `mimetic:${name}:${purpose}` }));
    const qkv = new Float32Array(3 * width * width);
    for (let head = 0; head < tokens.heads; head++) {
      const { left, right } = turned(`head ${head}`, headWidth);
      const first = head * headWidth;
      scaled(left, Math.sqrt(queryKey), qkv, first * width);
      scaled(right, Math.sqrt(queryKey), qkv, (width + first) * width);
    }
    const { left, right } = turned("value", width);
    scaled(left, Math.sqrt(valueProjection), qkv, 2 * width * width);
    weights.set(`${name}.qkv.weight`, float32([3 * width, width], qkv));
    const proj = new Float32Array(width * width);
    for (let i = 0; i < width; i++)
      for (let c = 0; c < width; c++) proj[c * width + i] = -Math.sqrt(valueProjection) * right[i * width + c];
    weights.set(`${name}.proj.weight`, float32([width, width], proj));
  }
  weights.set("pos_embed", withSinusoids(weights.get("pos_embed")!, tokens));
  return weights;
}

function transformerOf(model: Model): { readonly tokens: TokenGrid; readonly width: number } {
  const { name, tokens, parameters } = model;
  const shape = (parameter: string) => parameters.find((spec) => spec.name === parameter)?.shape;
  const width = shape("pos_embed")?.[2];
  if (!tokens || !width || shape("blocks.0.attn.qkv.weight")?.join() !== `${3 * width},${width}`)
    throw new UsageError(
      sentence`Mimetic first values are those of DeiTs and ViTs, which ${name} is not; remove ${setting("init")}, or train another model.`,
    );
  if (width % 4 !== 0)
    throw new UsageError(
      sentence`Mimetic first values have sinusoidal positions, which need a width that is a multiple of 4, and that of ${name} is ${width}; change ${setting("width")}, or remove ${setting("init")}.`,
    );
  return { tokens, width };
}

/** Z + I as Σ left · rightᵀ: vector i of each side from `i · width`, by falling singular values. */
interface Factors {
  readonly width: number;
  readonly left: Float64Array;
  readonly right: Float64Array;
}

function* factorsOf(width: number, stream: RandomStream): Generator<undefined, Factors> {
  const a = new Float64Array(width * width);
  for (let i = 0; i < a.length; i++) a[i] = stream.normal(i % (width + 1) === 0 ? 1 : 0, 1 / Math.sqrt(width));
  const gram = new Float64Array(a.length);
  for (let i = 0; i < width; i++) {
    yield;
    for (let j = 0; j <= i; j++) gram[i * width + j] = gram[j * width + i] = dotted(a, i * width, a, j * width, width);
  }
  // A Aᵀ = U S² Uᵀ; with U, the right side of A = U S Vᵀ is V S = Aᵀ U. The least singular value is about 1/width of
  // the largest, whose square doubles can tell.
  const { values, vectors } = yield* symmetricEigen(gram, width);
  const left = new Float64Array(a.length);
  const right = new Float64Array(a.length);
  for (let i = 0; i < width; i++) {
    yield;
    const from = (width - 1 - i) * width;
    const root = Math.sqrt(Math.sqrt(Math.max(values[width - 1 - i], Number.MIN_VALUE))); // √ of the singular value
    for (let c = 0; c < width; c++) left[i * width + c] = vectors[from + c] * root;
    for (let row = 0; row < width; row++) {
      const u = vectors[from + row] / root;
      for (let c = 0, at = row * width; c < width; c++) right[i * width + c] += u * a[at + c];
    }
  }
  return { width, left, right };
}

/** The first `count` vectors of each side, their channels in another order and with other signs. */
function shuffled(
  { width, left, right }: Factors,
  count: number,
  stream: RandomStream,
): Pick<Factors, "left" | "right"> {
  const order = stream.permutation(width);
  const signs = Float64Array.from(order, () => (stream.integer(2) === 0 ? -1 : 1));
  const turn = (vectors: Float64Array) => {
    const out = new Float64Array(count * width);
    for (let at = 0; at < out.length; at += width)
      for (let c = 0; c < width; c++) out[at + c] = signs[c] * vectors[at + order[c]];
    return out;
  };
  return { left: turn(left), right: turn(right) };
}

function scaled(from: Float64Array, factor: number, to: Float32Array, at: number): void {
  for (let i = 0; i < from.length; i++) to[at + i] = factor * from[i];
}

function dotted(a: Float64Array, at: number, b: Float64Array, bt: number, count: number): number {
  let sum = 0;
  for (let k = 0; k < count; k++) sum += a[at + k] * b[bt + k];
  return sum;
}

/**
 * Positions `[1, tokens, width]` whose patches have sine and cosine of their column and of their row, a quarter of the
 * channels each, at frequencies from 1 to 1/10000 per patch.
 */
function withSinusoids({ shape, data }: HostTensor, { grid: [rows, columns] }: TokenGrid): HostTensor {
  const [, count, width] = shape;
  const quarter = width / 4;
  const out = Float32Array.from(data as Float32Array);
  const first = count - rows * columns;
  for (let patch = 0; patch < rows * columns; patch++) {
    const place = [patch % columns, Math.floor(patch / columns)];
    for (let i = 0; i < quarter; i++) {
      const frequency = 10000 ** (-i / Math.max(1, quarter - 1));
      place.forEach((p, axis) => {
        const at = (first + patch) * width + 2 * axis * quarter + i;
        out[at] = Math.sin(p * frequency);
        out[at + quarter] = Math.cos(p * frequency);
      });
    }
  }
  return { dtype: "float32", shape, data: out };
}
