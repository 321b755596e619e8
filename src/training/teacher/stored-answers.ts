/** A teacher's outputs for the views of an epoch, in the order of training, and their file. */
import { createHash } from "node:crypto";
import { FileError, TrainingError } from "../../errors/errors.js";
import { softmaxOf, topK } from "../../evaluation/metrics.js";
import { openSafetensors, readSafetensors, writeSafetensors } from "../../formats/safetensors/safetensors.js";
import type { FeatureLayer } from "../../models/feature-map.js";
import { fromHalf, halfValues, toHalf } from "../../tensor/half.js";
import { type HostTensor, hostTensor } from "../../tensor/index.js";
import { ofPair } from "../step/features.js";
import type { Answer } from "../step/taught.js";

export interface AnswerFormat {
  /** Predicted classes, or logits as float16. */
  readonly kind: "labels" | "logits";
  /** Logits stored per view; the others share the remaining probability. */
  readonly topK: number;
  readonly classes: number;
  /** Views of a run of the training program. */
  readonly batch: number;
  /** Normalised features as float16, of each layer: vectors to a side, and their length; undefined for one not stored. */
  readonly features?: readonly (FeatureLayer | undefined)[];
}

/** Numbers of a view's features of a layer. */
const featureSize = (layer: FeatureLayer | undefined): number =>
  layer ? layer.grid[0] * layer.grid[1] * layer.channels : 0;

/** The same of all layers. */
const featureSizes = ({ features = [] }: Pick<AnswerFormat, "features">): number =>
  features.reduce((sum, layer) => sum + featureSize(layer), 0);

/** Bytes of a view's outputs in the file. */
export const bytesOfView = (format: Pick<AnswerFormat, "kind" | "topK" | "features">): number =>
  4 + (format.kind === "labels" ? 2 : 4 * format.topK + 2) + 2 * featureSizes(format);

/** Outputs of an epoch, so far for the first `runs` runs. */
export class EpochAnswers {
  #runs = 0;
  readonly #indices: Int32Array;
  /** Classes of the stored logits, or the predicted classes. */
  readonly #classes: Int16Array;
  readonly #logits: Uint16Array;
  readonly #rest: Uint16Array;
  /** Of each layer. */
  readonly #features: readonly Uint16Array[];
  /** Values of float16, if there are features to convert. */
  readonly #values: Float32Array | undefined;

  /** Allocates space for `views` outputs. */
  constructor(
    private readonly format: AnswerFormat,
    private readonly views: number,
  ) {
    const logits = format.kind === "logits";
    this.#indices = new Int32Array(views);
    this.#classes = new Int16Array(logits ? views * format.topK : views);
    this.#logits = new Uint16Array(logits ? views * format.topK : 0);
    this.#rest = new Uint16Array(logits ? views : 0);
    this.#features = (format.features ?? []).map((layer) => new Uint16Array(views * featureSize(layer)));
    this.#values = featureSizes(format) > 0 ? halfValues() : undefined;
  }

  get runs(): number {
    return this.#runs;
  }

  /** Adds the teacher's outputs for the next run. */
  add(indices: Int32Array, { prediction: { data }, features }: Answer): void {
    const { kind, topK: kept, classes, batch } = this.format;
    const from = this.#runs++ * batch;
    this.#indices.set(indices, from);
    this.format.features?.forEach((layer, index) => {
      const size = featureSize(layer);
      const { data: shown } = features?.[index] ?? { data: [] };
      for (let i = 0; i < batch * size; i++) this.#features[index][from * size + i] = toHalf(shown[i] as number);
    });
    if (kind === "labels") {
      this.#classes.set(data as Int32Array, from);
      return;
    }
    for (let i = 0; i < batch; i++) {
      const row = (data as Float32Array).subarray(i * classes, (i + 1) * classes);
      const best = topK(row, kept);
      // Half precision ends at 65504, far beyond any sensible logit.
      if (!Number.isFinite(fromHalf(toHalf(row[best[0]]))))
        throw new TrainingError(
          `The teacher's answer to a view has the logit ${row[best[0]]}, more than stored predictions can represent; use another teacher, or run it during training (teacherWeights without teacherCache).`,
        );
      best.forEach((c, k) => {
        this.#classes[(from + i) * kept + k] = c;
        this.#logits[(from + i) * kept + k] = toHalf(row[c]);
      });
      this.#rest[from + i] = toHalf(restLogit(row, best));
    }
  }

  /**
   * The outputs for the whole batch of a run, as needed by the training program. `indices` are its samples from
   * position `first`; undefined if the stored outputs are for other samples.
   */
  answer(run: number, indices: Int32Array, first = 0): Answer | undefined {
    const { batch, features } = this.format;
    const from = run * batch;
    if (run >= this.#runs || !indices.every((v, i) => this.#indices[from + first + i] === v)) return undefined;
    const prediction = this.#prediction(from);
    return features
      ? { prediction, features: features.map((layer, index) => this.#layer(layer, index, from)) }
      : { prediction };
  }

  /** The features of a layer for a run, whose views begin at `from`. */
  #layer(layer: FeatureLayer | undefined, index: number, from: number): HostTensor | undefined {
    const values = this.#values;
    if (!layer || !values) return undefined;
    const { grid, channels } = layer;
    const size = featureSize(layer);
    const { batch } = this.format;
    const halves = this.#features[index].subarray(from * size, (from + batch) * size);
    return hostTensor(
      "float32",
      [batch, ...grid, channels],
      Float32Array.from(halves, (half) => values[half]),
    );
  }

  /** The predictions for a run, whose views begin at `from`. */
  #prediction(from: number): HostTensor {
    const { kind, topK: kept, classes, batch } = this.format;
    if (kind === "labels")
      return hostTensor("int32", [batch], Int32Array.from(this.#classes.subarray(from, from + batch)));
    const out = new Float32Array(batch * classes);
    for (let i = 0; i < batch; i++) {
      out.fill(fromHalf(this.#rest[from + i]), i * classes, (i + 1) * classes);
      for (let k = (from + i) * kept; k < (from + i + 1) * kept; k++)
        out[i * classes + this.#classes[k]] = fromHalf(this.#logits[k]);
    }
    return hostTensor("float32", [batch, classes], out);
  }

  async write(path: string): Promise<void> {
    const tensors = this.#tensors();
    await writeSafetensors(path, tensors, { sha256: checksum(tensors), runs: String(this.#runs) });
  }

  /** Throws FileError if the file is truncated or not safetensors; reads only its header. */
  static async requireWhole(path: string): Promise<void> {
    await (await sound(path, openSafetensors(path))).close();
  }

  /** Reads a file of this format; throws FileError if it is damaged or has a different shape. */
  static async read(path: string, format: AnswerFormat): Promise<EpochAnswers> {
    const { tensors, metadata } = await sound(path, readSafetensors(path));
    const views = tensors.get("indices")?.data.length ?? 0;
    const found = new EpochAnswers(format, views);
    const runs = Number(metadata.runs ?? views / format.batch);
    const fits = [...found.#tensors()].every(([name, own]) => {
      const given = tensors.get(name);
      if (given?.dtype !== own.dtype || given.data.length !== own.data.length) return false;
      (own.data as Int16Array).set(given.data as Int16Array);
      return true;
    });
    if (
      !fits ||
      !Number.isInteger(runs) ||
      runs < 0 ||
      runs * format.batch > views ||
      metadata.sha256 !== checksum(tensors)
    ) {
      throw damaged(path, "its checksum or shapes do not fit");
    }
    found.#runs = runs;
    return found;
  }

  #tensors(): ReadonlyMap<string, HostTensor> {
    const { kind, topK: kept, features = [] } = this.format;
    const n = this.views;
    const shown = features.flatMap((layer, index): [string, HostTensor][] => {
      if (!layer) return [];
      const shape = [n, ...layer.grid, layer.channels];
      return [[ofPair("features", index), hostTensor("float16", shape, this.#features[index])]];
    });
    const always: readonly (readonly [string, HostTensor])[] = [
      ["indices", hostTensor("int32", [n], this.#indices)],
      ...shown,
    ];
    if (kind === "labels") return new Map([...always, ["labels", hostTensor("int16", [n], this.#classes)]]);
    return new Map([
      ...always,
      ["classes", hostTensor("int16", [n, kept], this.#classes)],
      ["logits", hostTensor("float16", [n, kept], this.#logits)],
      ["rest", hostTensor("float16", [n], this.#rest)],
    ]);
  }
}

const damaged = (path: string, why: string, cause?: unknown): FileError =>
  new FileError(path, `"${path}" is damaged: ${why}. Remove it and create the predictions again.`, { cause });

/** The opened file; the error for a corrupt one advises computing it again, rather than downloading it. */
const sound = <T>(path: string, opened: Promise<T>): Promise<T> =>
  opened.catch((error) => {
    const unreadable = !(error instanceof FileError) || error.cause !== undefined;
    throw unreadable ? error : damaged(path, "it is cut off or no file of answers", error);
  });

/** The logit that, assigned to each class except the `best`, preserves their total probability. */
function restLogit(row: Float32Array, best: readonly number[]): number {
  if (best.length === row.length) return 0;
  const p = softmaxOf(row);
  const left = Math.max(1 - best.reduce((sum, c) => sum + p[c], 0), 1e-12) / (row.length - best.length);
  return row[best[0]] + Math.log(left / p[best[0]]);
}

function checksum(tensors: ReadonlyMap<string, HostTensor>): string {
  const hash = createHash("sha256");
  for (const name of [...tensors.keys()].sort()) {
    const { data } = tensors.get(name)!;
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
