/** What the numbers are that an ONNX classifier answers with, and how they become logits. */

/** What the numbers of an answer are: logits, probabilities that sum to 1, or one of each class on its own. */
export type AnswerForm = "logits" | "probabilities" | "sigmoids";

/** As the last operator of the graph shows; undefined where only the numbers can tell. */
export function formByOperator(last: string | undefined): AnswerForm | undefined {
  if (last === "Sigmoid") return "sigmoids";
  return last === "Softmax" ? "probabilities" : last === "Gemm" || last === "MatMul" ? "logits" : undefined;
}

/**
 * What these numbers, `rows` rows of them, look like: those of a sigmoid cannot be told from other numbers between 0 and
 * 1, which is `undefined`.
 */
export function formByNumbers(raw: Float32Array, rows: number): AnswerForm | undefined {
  if (!raw.every((v) => v >= 0 && v <= 1)) return "logits";
  return areProbabilities(raw, raw.length / rows) ? "probabilities" : undefined;
}

/** The numbers as logits: of a probability its logarithm, of a sigmoid what went into it. */
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
