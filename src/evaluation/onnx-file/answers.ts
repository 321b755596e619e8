/** The form of an ONNX classifier's outputs, and their conversion to logits. */

/** The form of outputs: logits, probabilities that sum to 1, or an independent probability for each class. */
export type AnswerForm = "logits" | "probabilities" | "sigmoids";

/** The form according to the last operator of the graph; undefined if only the numbers can show it. */
export function formByOperator(last: string | undefined): AnswerForm | undefined {
  if (last === "Sigmoid") return "sigmoids";
  return last === "Softmax" ? "probabilities" : last === "Gemm" || last === "MatMul" ? "logits" : undefined;
}

/**
 * The form according to `rows` rows of numbers; undefined for numbers between 0 and 1 that may or may not be a
 * sigmoid's.
 */
export function formByNumbers(raw: Float32Array, rows: number): AnswerForm | undefined {
  if (!raw.every((v) => v >= 0 && v <= 1)) return "logits";
  return areProbabilities(raw, raw.length / rows) ? "probabilities" : undefined;
}

/** Converts outputs to logits: the logarithm of a probability, the input of a sigmoid. */
export function toLogits(raw: Float32Array, form: AnswerForm): Float32Array {
  if (form === "logits") return raw;
  const log = (p: number) => Math.log(Math.max(p, 1e-12));
  return form === "probabilities" ? raw.map(log) : raw.map((p) => log(p) - log(1 - p));
}

function areProbabilities(raw: Float32Array, count: number): boolean {
  for (let at = 0; at < raw.length; at += count) {
    let total = 0;
    for (let i = at; i < at + count; i++) {
      if (raw[i] < 0) return false;
      total += raw[i];
    }
    if (Math.abs(total - 1) > 1e-2) return false;
  }
  return true;
}
