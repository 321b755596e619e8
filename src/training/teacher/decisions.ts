/** A teacher's predictions: the class of its largest logit. */

/** The class of each of `rows` rows of logits, int32 `[rows]`; ties go to the first. */
export function decisions(logits: Float32Array, rows: number): Int32Array {
  const classes = logits.length / rows;
  return Int32Array.from({ length: rows }, (_, i) => {
    const at = i * classes;
    let best = 0;
    for (let c = 1; c < classes; c++) if (logits[at + c] > logits[at + best]) best = c;
    return best;
  });
}
