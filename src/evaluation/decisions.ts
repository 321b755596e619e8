/** A model's predictions on each image of a dataset, and statistics of them: classes, confusions, calibration. */
import { softmaxOf, topK } from "./metrics.js";

/** One entry per image, in the order of the dataset. */
export interface Decisions {
  readonly classes: number;
  readonly labels: Int32Array;
  /** The most likely class. */
  readonly decided: Int32Array;
  /** Probability of the predicted class. */
  readonly confidence: Float32Array;
  /** Probability of the true class. */
  readonly truth: Float32Array;
}

/** Collects predictions batch by batch. */
export class DecisionRecorder {
  readonly #labels: Int32Array;
  readonly #decided: Int32Array;
  readonly #confidence: Float32Array;
  readonly #truth: Float32Array;
  #count = 0;

  constructor(
    images: number,
    private readonly classes: number,
  ) {
    this.#labels = new Int32Array(images);
    this.#decided = new Int32Array(images);
    this.#confidence = new Float32Array(images);
    this.#truth = new Float32Array(images);
  }

  /** `logits` of one image. */
  add(logits: Float32Array, label: number): void {
    const at = this.#count++;
    const probabilities = softmaxOf(logits);
    const [best] = topK(logits, 1);
    this.#labels[at] = label;
    this.#decided[at] = best;
    this.#confidence[at] = probabilities[best];
    this.#truth[at] = probabilities[label];
  }

  result(): Decisions {
    const n = this.#count;
    return {
      classes: this.classes,
      labels: this.#labels.subarray(0, n),
      decided: this.#decided.subarray(0, n),
      confidence: this.#confidence.subarray(0, n),
      truth: this.#truth.subarray(0, n),
    };
  }
}

export interface ClassResult {
  readonly label: number;
  readonly images: number;
  /** Share of the class's images that were predicted correctly; undefined without images. */
  readonly recall?: number;
  /** Share of the predictions of the class that were correct; undefined without predictions. */
  readonly precision?: number;
}

export function classResults({ classes, labels, decided }: Decisions): ClassResult[] {
  const images = new Uint32Array(classes);
  const chosen = new Uint32Array(classes);
  const right = new Uint32Array(classes);
  labels.forEach((label, i) => {
    images[label]++;
    chosen[decided[i]]++;
    if (decided[i] === label) right[label]++;
  });
  const share = (n: number, of: number) => (of === 0 ? undefined : n / of);
  return Array.from({ length: classes }, (_, label) => ({
    label,
    images: images[label],
    recall: share(right[label], images[label]),
    precision: share(right[label], chosen[label]),
  }));
}

export interface Confusion {
  readonly label: number;
  readonly decided: number;
  readonly images: number;
}

/**
 * How often each class was predicted for each (including correct predictions), most frequent first. Only pairs that
 * occur.
 */
export function confusions({ classes, labels, decided }: Decisions): Confusion[] {
  const counts = new Map<number, number>();
  labels.forEach((label, i) => {
    const key = label * classes + decided[i];
    counts.set(key, (counts.get(key) ?? 0) + 1);
  });
  return [...counts]
    .sort(([a, n], [b, m]) => m - n || a - b)
    .map(([key, images]) => ({ label: Math.floor(key / classes), decided: key % classes, images }));
}

export interface CalibrationBin {
  readonly images: number;
  /** Means over the bin's images. */
  readonly confidence: number;
  readonly accuracy: number;
}

export interface Calibration {
  /** Confidence bins of equal width from 0 to 1, without empty ones. */
  readonly bins: readonly CalibrationBin[];
  /** Expected calibration error (Guo et al., arXiv 1706.04599): mean distance of confidence and accuracy over images. */
  readonly error: number;
}

export function calibration({ labels, decided, confidence }: Decisions, count = 15): Calibration {
  const images = new Float64Array(count);
  const sure = new Float64Array(count);
  const right = new Float64Array(count);
  labels.forEach((label, i) => {
    const bin = Math.min(count - 1, Math.max(0, Math.ceil(confidence[i] * count) - 1));
    images[bin]++;
    sure[bin] += confidence[i];
    if (decided[i] === label) right[bin]++;
  });
  const bins = [...images.keys()]
    .filter((b) => images[b] > 0)
    .map((b) => ({ images: images[b], confidence: sure[b] / images[b], accuracy: right[b] / images[b] }));
  const error = bins.reduce((sum, b) => sum + b.images * Math.abs(b.confidence - b.accuracy), 0) / (labels.length || 1);
  return { bins, error };
}

/** Indices of the images whose true class got the lowest probability. */
export function hardest({ truth }: Decisions, count: number): number[] {
  return topK(
    truth.map((p) => -p),
    count,
  );
}

/** Indices of the most confident mistakes. */
export function surestMistakes({ labels, decided, confidence }: Decisions, count: number): number[] {
  const wrong = [...labels.keys()].filter((i) => decided[i] !== labels[i]);
  return topK(
    wrong.map((i) => confidence[i]),
    count,
  ).map((k) => wrong[k]);
}
