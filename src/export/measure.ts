/** Compares the files of an export with the model that they were made from, on images. */

import { join } from "node:path";
import type { Dataset } from "../data/dataset/dataset.js";
import { whileHere } from "../data/dataset/pieces.js";
import { readSample } from "../data/view/view.js";
import type { Engine } from "../engines/engine.js";
import { WeightsError } from "../errors/errors.js";
import { sentence, setting } from "../errors/sentence.js";
import { Classifier } from "../evaluation/classifier.js";
import { topK } from "../evaluation/metrics.js";
import { viewLoader } from "../evaluation/view-loader.js";
import type { ExportedFile } from "../portable/layouts/layout.js";
import type { MeasuredFile, Verification } from "../portable/verification.js";
import type { MeasuredImages } from "./images.js";
import { requireGoingOn } from "./interruption.js";
import { readBack } from "./read-back.js";
import { Runner } from "./runner.js";
import type { ExportSource } from "./source.js";

/** Images of a pass. */
const batchSize = 8;

/** What is measured, and how. */
export interface MeasureOptions {
  readonly engine: Engine;
  readonly source: ExportSource;
  readonly folder: string;
  readonly files: readonly { readonly file: ExportedFile; readonly bytes: number }[];
  readonly images: MeasuredImages;
  /** The images that ranges were found on. */
  readonly calibration?: Dataset;
  readonly signal?: AbortSignal;
  readonly onProgress?: (images: number) => void;
}

/** A program that answers with a row of numbers for each view. */
interface Contestant {
  run(images: Uint8Array, count: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Runs the source and every file on the images. */
export async function measureExport(options: MeasureOptions): Promise<Verification> {
  const { source, images, calibration, signal, onProgress } = options;
  const { dataset, labelled } = images;
  const { classes } = source.model;
  const size = Math.min(batchSize, dataset.length);
  const loader = viewLoader({ dataset, view: source.view, batchSize: size, workers: 0 });
  const opened: Contestant[] = [];
  const open = async (contestant: Promise<Contestant>) => {
    opened.push(await contestant);
    return new Score(opened[opened.length - 1], classes);
  };
  try {
    const original = await open(sourceContestant(options));
    const files: (MeasuredOf & { readonly score: Score })[] = [];
    for (const { file, bytes } of options.files) {
      if (file.kind === "text" || (file.kind === "onnx" && file.takes !== "pixels")) continue;
      const precision = file.kind === "onnx" ? file.precision : "float32";
      files.push({ path: file.path, precision, bytes, score: await open(contestantOf(file, options)) });
    }
    const decided: number[] = [];
    let done = 0;
    for await (const batch of loader.epoch(0)) {
      requireGoingOn(signal);
      const labels = labelled ? batch.labels : undefined;
      const logits = await original.add(batch.images, size, batch.count, labels);
      for (let i = 0; i < batch.count; i++) decided.push(topK(rowOf(logits, i, classes), 1)[0]);
      for (const { score } of files) {
        requireGoingOn(signal);
        await score.add(batch.images, size, batch.count, labels, logits);
      }
      done += batch.count;
      onProgress?.(done);
    }
    const { top1, imagesPerSecond } = original.result();
    const whole = await measureWholeImages(options, decided);
    return {
      ...{ images: done, data: dataset.name },
      ...(calibration ? { calibration: { images: calibration.length, data: calibration.name } } : {}),
      source: { top1, imagesPerSecond },
      files: [...files.map(({ score, ...about }) => ({ ...about, ...score.result() })), ...whole],
    };
  } finally {
    await loader.close();
    for (const each of opened) await each.close();
  }
}

type MeasuredOf = Pick<MeasuredFile, "path" | "precision" | "bytes">;

const rowOf = (rows: Float32Array, i: number, classes: number): Float32Array =>
  rows.subarray(i * classes, (i + 1) * classes);

async function sourceContestant({
  engine,
  source: { model, weights, head },
}: Pick<MeasureOptions, "engine" | "source">): Promise<Contestant> {
  const classifier = await Classifier.create({ engine, model, head }, weights);
  return { run: (images, count) => classifier.logits(images, count), close: () => classifier.dispose() };
}

async function contestantOf(file: ExportedFile, { engine, source, folder }: MeasureOptions): Promise<Contestant> {
  if (file.kind === "onnx") {
    const runner = await Runner.open(join(folder, file.path));
    return { run: (images, count) => runner.pixels(images, count, source.view), close: () => runner.close() };
  }
  const { model, weights } = await readBack(folder, source);
  return sourceContestant({ engine, source: { ...source, model, weights } });
}

/** Answers of one program, compared with those of the source. */
class Score {
  #images = 0;
  #same = 0;
  #right: number | undefined;
  #difference = 0;
  #timed = 0;
  #milliseconds = 0;
  #runs = 0;

  constructor(
    private readonly contestant: Contestant,
    private readonly classes: number,
  ) {}

  /** `expected`: the answers of the source; none for the source itself. */
  async add(
    images: Uint8Array,
    size: number,
    count: number,
    labels: Int32Array | undefined,
    expected?: Float32Array,
  ): Promise<Float32Array> {
    const start = performance.now();
    const rows = await this.contestant.run(images, size);
    const took = performance.now() - start;
    // The first run allocates.
    if (this.#runs++ > 0) {
      this.#milliseconds += took;
      this.#timed += size;
    }
    for (let i = 0; i < count; i++) {
      const row = rowOf(rows, i, this.classes);
      const [decided] = topK(row, 1);
      const source = expected && rowOf(expected, i, this.classes);
      this.#images++;
      if (!source || topK(source, 1)[0] === decided) this.#same++;
      source?.forEach((value, k) => {
        const difference = Math.abs(value - row[k]);
        if (!(difference <= this.#difference)) this.#difference = difference;
      });
      if (labels) this.#right = (this.#right ?? 0) + (labels[i] === decided ? 1 : 0);
    }
    return rows;
  }

  result(): Pick<MeasuredFile, "agreement" | "largestDifference" | "top1" | "imagesPerSecond"> {
    const share = (n: number) => (100 * n) / this.#images;
    return {
      agreement: share(this.#same),
      largestDifference: this.#difference,
      ...(this.#right === undefined ? {} : { top1: share(this.#right) }),
      ...(this.#timed === 0 ? {} : { imagesPerSecond: (1000 * this.#timed) / this.#milliseconds }),
    };
  }
}

/** Files that take whole images, given those of the dataset as they are; `decided` are the source's classes. */
async function measureWholeImages(
  { source, folder, files, images: { dataset, labelled }, signal }: MeasureOptions,
  decided: readonly number[],
): Promise<readonly MeasuredFile[]> {
  const measured: MeasuredFile[] = [];
  for (const { file, bytes } of files) {
    if (file.kind !== "onnx" || file.takes === "pixels") continue;
    const runner = await Runner.open(join(folder, file.path));
    let [same, right, milliseconds] = [0, 0, 0];
    try {
      for (let i = 0; i < dataset.length; i++) {
        requireGoingOn(signal);
        const { exif } = source.view;
        const image = await whileHere(dataset, [i], () => readSample(dataset.source(i), { jpeg: "exact", exif }));
        const start = performance.now();
        const [found] = topK(await runner.image(image, file.takes), 1);
        if (i > 0) milliseconds += performance.now() - start;
        if (found === decided[i]) same++;
        if (found === dataset.label(i)) right++;
      }
    } finally {
      await runner.close();
    }
    const share = (n: number) => (100 * n) / dataset.length;
    measured.push({
      ...{ path: file.path, precision: file.precision, bytes },
      agreement: share(same),
      ...(labelled ? { top1: share(right) } : {}),
      ...(dataset.length > 1 ? { imagesPerSecond: (1000 * (dataset.length - 1)) / milliseconds } : {}),
    });
  }
  return measured;
}

/** Differences of percentages are rounded: 100 - 99.8 is a little more than 0.2. */
const rounding = 1e-9;

/**
 * Throws WeightsError if a file loses more than `most` points: of top-1 accuracy, or without labels of agreement with the
 * source.
 */
export function requireLoss({ source, files, images }: Verification, most: number): void {
  for (const { path, agreement, top1 } of files) {
    const byLabels = source.top1 !== undefined && top1 !== undefined;
    const loss = byLabels ? source.top1 - top1 : 100 - agreement;
    if (loss <= most + rounding) continue;
    const what = byLabels
      ? `loses ${loss.toFixed(2)} points of top-1 accuracy (${source.top1.toFixed(2)} % of ${images} images before, ${top1.toFixed(2)} % after)`
      : `decides otherwise than its source on ${loss.toFixed(2)} % of ${images} images`;
    throw new WeightsError(
      sentence`"${path}" ${what}, and ${setting("maxLoss", most)} allows no more than ${most}; nothing is written.`,
    );
  }
}
