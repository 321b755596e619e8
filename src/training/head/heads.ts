/** Linear heads fitted to the features that they read. */
import type { Engine } from "../../engines/engine.js";
import { Closing } from "../../system/closing.js";
import { type HostTensor, hostTensor, type NamedTensors } from "../../tensor/index.js";
import { fitLogisticRegression, type LinearFit } from "./logistic-regression.js";

/** What one head reads. */
export interface HeadFeatures {
  /** Its weight and bias are `NAME.weight` and `NAME.bias`. */
  readonly name: string;
  readonly width: number;
  /** `[rows, width]`. */
  readonly features: Float32Array;
}

/** Heads for the labels, and how well they fit. */
export interface FittedHeads {
  /** Weights and biases of all heads, by name. */
  readonly tensors: NamedTensors;
  /** Cross entropy and accuracy over the rows, averaged over the heads. */
  readonly loss: number;
  readonly accuracy: number;
}

export interface HeadLabels {
  readonly labels: Int32Array;
  readonly classes: number;
  readonly signal?: AbortSignal;
  /** Rows of the same group are held out together when the penalty is chosen (default: each row by itself). */
  readonly groups?: Int32Array;
}

/** Fits each head by itself. Throws InterruptedError if the signal is aborted. */
export async function fitLinearHeads(
  engine: Engine,
  heads: readonly HeadFeatures[],
  { labels, classes, signal, groups }: HeadLabels,
): Promise<FittedHeads> {
  const tensors = new Map<string, HostTensor>();
  const fits: LinearFit[] = [];
  const closing = new Closing();
  try {
    for (const { name, width, features } of heads) {
      const data = { features, width, labels, classes, groups };
      const fit = await fitLogisticRegression(engine, data, closing, { signal });
      tensors.set(`${name}.weight`, hostTensor("float32", [classes, width], fit.weight));
      tensors.set(`${name}.bias`, hostTensor("float32", [classes], fit.bias));
      fits.push(fit);
    }
  } finally {
    await closing.close();
  }
  const mean = (of: (fit: LinearFit) => number) => fits.reduce((sum, fit) => sum + of(fit), 0) / fits.length;
  return { tensors, loss: mean((f) => f.loss), accuracy: mean((f) => f.accuracy) };
}
