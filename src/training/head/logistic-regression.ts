/** Multinomial logistic regression on features, with the penalty's strength chosen by cross-validation. */
import type { DeviceState, Engine, Executable } from "../../engines/engine.js";
import { InterruptedError } from "../../errors/errors.js";
import type { Closing } from "../../system/closing.js";
import {
  argmax,
  cast,
  compare,
  gradient,
  hostTensor,
  input,
  linear,
  logSoftmax,
  mul,
  oneHot,
  program,
  reduceSum,
  reshape,
  sub,
} from "../../tensor/index.js";
import { type Evaluated, minimize } from "./minimize.js";

export interface LabelledFeatures {
  /** `[rows, width]`. */
  readonly features: Float32Array;
  readonly width: number;
  readonly labels: Int32Array;
  readonly classes: number;
  /** Rows of the same group, such as views of one image, are held out together (default: each row by itself). */
  readonly groups?: Int32Array;
}

export interface LinearFit {
  /** `[classes, width]`. */
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  /** Weight of the penalty, for features with unit standard deviation. */
  readonly penalty: number;
  /** Mean cross entropy over the rows, and the accuracy. */
  readonly loss: number;
  readonly accuracy: number;
}

export interface FitOptions {
  /** Strength of the penalty (default: chosen by cross-validation). */
  readonly penalty?: number;
  readonly signal?: AbortSignal;
}

/** Rows per run of the program. */
const chunkRows = 8192;
/** Candidate penalties, strongest first: each fit is the starting point of the next. */
const penalties = [10, 3, 1, 0.3, 0.1, 0.03, 0.01, 0.003];
/** Maximum folds, each of which is held out in turn; with more rows than this only one is. */
const mostFolds = 5;
const manyRows = 5000;

/**
 * Minimises mean cross entropy + penalty / 2 · Σ w² over weights for standardised features, which has one minimum; the
 * result is for the original features. Unless given, the penalty is the one with the lowest loss on the held-out rows;
 * if a class has only one row, which cannot be held out, it is the strongest: a weaker one would be overconfident with
 * so few images. `closing` collects what is opened on the engine.
 */
export async function fitLogisticRegression(
  engine: Engine,
  data: LabelledFeatures,
  closing: Closing,
  { penalty: given, signal }: FitOptions = {},
): Promise<LinearFit> {
  const { width, classes } = data;
  const scale = scaling(data);
  const rows = data.labels.length;
  const problem = await openProblem(engine, data, scale, closing);
  const all = new Float32Array(rows).fill(1);
  let penalty = given ?? penalties[0];
  const dealt = given === undefined ? foldsOf(data) : undefined;
  if (dealt) {
    const { foldOfRow, folds } = dealt;
    const lost = new Float64Array(penalties.length);
    for (let fold = 0; fold < (rows > manyRows ? 1 : folds); fold++) {
      const weights = all.map((_, row) => (foldOfRow[row] === fold ? 0 : 1));
      let at: Float64Array = new Float64Array(classes * (width + 1));
      for (const [i, candidate] of penalties.entries()) {
        if (signal?.aborted) throw new InterruptedError("The fit of the head was interrupted.");
        at = (await problem.fit(weights, candidate, at)).at;
        lost[i] += await problem.loss(
          weights.map((w) => 1 - w),
          at,
        );
      }
    }
    penalty = penalties[lost.indexOf(Math.min(...lost))];
  }
  const { at } = await problem.fit(all, penalty, new Float64Array(classes * (width + 1)));
  const { loss, correct } = await problem.sums(all, at);
  return { ...unscaled(at, scale, classes), penalty, loss: loss / rows, accuracy: correct / rows };
}

/** The fold of each row: every class is distributed evenly. Undefined if a class has too few groups to hold one out. */
function foldsOf({ labels, classes, groups = labels.map((_, row) => row) }: LabelledFeatures) {
  const labelOf = new Map<number, number>();
  labels.forEach((label, row) => {
    labelOf.set(groups[row], label);
  });
  const sizes = new Uint32Array(classes);
  for (const label of labelOf.values()) sizes[label]++;
  const folds = Math.min(mostFolds, ...sizes.filter((count) => count > 0));
  if (folds < 2) return undefined;
  const seen = new Uint32Array(classes);
  const foldOf = new Map([...labelOf].map(([group, label]) => [group, seen[label]++ % folds]));
  return { folds, foldOfRow: Uint8Array.from(groups, (group) => foldOf.get(group)!) };
}

interface Scaling {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

/** Rows needed to estimate the standard deviation of a feature. */
const enoughRows = 20;

/**
 * Mean and standard deviation of each feature; a constant one keeps its scale. With few rows some features are nearly
 * constant by chance, and would get large weights: missing rows are replaced by the mean square over all features.
 */
function scaling({ features, width, labels: { length: rows } }: LabelledFeatures): Scaling {
  const mean = new Float64Array(width);
  const square = new Float64Array(width);
  for (let i = 0; i < features.length; i++) mean[i % width] += features[i] / rows;
  for (let i = 0; i < features.length; i++) square[i % width] += (features[i] - mean[i % width]) ** 2 / rows;
  const missing = Math.max(0, 1 - rows / enoughRows);
  const common = square.reduce((sum, v) => sum + v / width, 0);
  const told = square.map((v) => (1 - missing) * v + missing * common);
  return { mean, deviation: told.map((v) => (v > 1e-12 ? Math.sqrt(v) : 1)) };
}

/** Weights and biases for the original features, from those for standardised ones. */
function unscaled(at: Float64Array, { mean, deviation }: Scaling, classes: number) {
  const width = mean.length;
  const weight = Float32Array.from({ length: classes * width }, (_, i) => at[i] / deviation[i % width]);
  const bias = Float32Array.from({ length: classes }, (_, c) => {
    let shift = 0;
    for (let j = 0; j < width; j++) shift += (at[c * width + j] / deviation[j]) * mean[j];
    return at[classes * width + c] - shift;
  });
  return { weight, bias };
}

/** The problem on the engine: the features stay there; only the parameters and the weights of the rows vary. */
async function openProblem(engine: Engine, data: LabelledFeatures, scale: Scaling, closing: Closing) {
  const { width, classes } = data;
  const rows = Math.min(chunkRows, data.labels.length);
  const executable = await engine.compile(objectiveProgram(rows, width, classes));
  closing.add(() => executable.dispose());
  const chunks: DeviceState[] = [];
  for (let from = 0; from < data.labels.length; from += rows) {
    const chunk = await engine.createState(chunkOf(data, scale, from, rows));
    closing.add(() => chunk.dispose());
    chunks.push(chunk);
  }
  const sums = (weights: Float32Array, at: Float64Array) =>
    sumOver(executable, chunks, { rows, width, classes }, weights, at);
  const fit = (weights: Float32Array, penalty: number, start: Float64Array) => {
    const total = weights.reduce((sum, w) => sum + w, 0);
    const objective = async (at: Float64Array): Promise<Evaluated> => {
      const { loss, gradient } = await sums(weights, at);
      let squares = 0;
      for (let i = 0; i < at.length; i++) {
        const penalised = i < classes * width ? penalty * at[i] : 0;
        squares += penalised * at[i];
        gradient[i] = gradient[i] / total + penalised;
      }
      return { value: loss / total + squares / 2, gradient };
    };
    return minimize(objective, start);
  };
  return { fit, sums, loss: async (weights: Float32Array, at: Float64Array) => (await sums(weights, at)).loss };
}

interface Sizes {
  readonly rows: number;
  readonly width: number;
  readonly classes: number;
}

/** Sums over the weighted rows of one chunk: cross entropy, correct predictions, and the gradient of the former. */
function objectiveProgram(rows: number, width: number, classes: number) {
  const weight = input("weight", "float32", [classes, width]);
  const bias = input("bias", "float32", [classes]);
  const rowWeights = input("rowWeights", "float32", [rows]);
  const labels = input("labels", "int32", [rows]);
  const logits = linear(input("features", "float32", [rows, width]), weight, bias);
  const target = mul(oneHot(labels, classes), reshape(rowWeights, [rows, 1]));
  const loss = mul(reduceSum(mul(target, logSoftmax(logits))), -1);
  const hits = cast(compare("EQ", sub(argmax(logits, 1), labels), 0), "float32");
  const [weightGradient, biasGradient] = gradient(loss, [weight, bias]);
  return program({
    name: "logistic regression",
    outputs: { loss, correct: reduceSum(mul(hits, rowWeights)), weightGradient, biasGradient },
    state: ["features", "labels"],
  });
}

function chunkOf({ features, labels, width }: LabelledFeatures, scale: Scaling, from: number, rows: number) {
  const chunk = new Float32Array(rows * width);
  const part = features.subarray(from * width, (from + rows) * width);
  for (let i = 0; i < part.length; i++) chunk[i] = (part[i] - scale.mean[i % width]) / scale.deviation[i % width];
  const chunkLabels = new Int32Array(rows);
  chunkLabels.set(labels.subarray(from, from + rows));
  return new Map([
    ["features", hostTensor("float32", [rows, width], chunk)],
    ["labels", hostTensor("int32", [rows], chunkLabels)],
  ]);
}

async function sumOver(
  executable: Executable,
  chunks: readonly DeviceState[],
  { rows, width, classes }: Sizes,
  weights: Float32Array,
  at: Float64Array,
) {
  const values = Float32Array.from(at);
  const parameters = [
    ["weight", hostTensor("float32", [classes, width], values.slice(0, classes * width))],
    ["bias", hostTensor("float32", [classes], values.slice(classes * width))],
  ] as const;
  const gradient = new Float64Array(at.length);
  let [loss, correct] = [0, 0];
  for (const [i, chunk] of chunks.entries()) {
    const rowWeights = new Float32Array(rows);
    rowWeights.set(weights.subarray(i * rows, (i + 1) * rows));
    const data = new Map([...parameters, ["rowWeights", hostTensor("float32", [rows], rowWeights)] as const]);
    const outputs = await executable.run(chunk, data);
    const value = (name: string) => outputs.get(name)!.data as Float32Array;
    loss += value("loss")[0];
    correct += value("correct")[0];
    value("weightGradient").forEach((g, j) => {
      gradient[j] += g;
    });
    value("biasGradient").forEach((g, j) => {
      gradient[classes * width + j] += g;
    });
  }
  return { loss, correct, gradient };
}
