/** A teacher's outputs for the views of an epoch, in the order of training, and their file. */
import { createHash } from "node:crypto";
import { FileError, TrainingError } from "../../errors/errors.js";
import { softmaxOf, topK } from "../../evaluation/metrics.js";
import { openSafetensors, readSafetensors, writeSafetensors } from "../../formats/safetensors/safetensors.js";
import { fromHalf, toHalf } from "../../tensor/half.js";
import { type HostTensor, hostTensor } from "../../tensor/index.js";

export interface AnswerFormat {
  /** Predicted classes, or logits as float16. */
  readonly kind: "labels" | "logits";
  /** Logits stored per view; the others share the remaining probability. */
  readonly topK: number;
  readonly classes: number;
  /** Views of a run of the training program. */
  readonly batch: number;
}

/** Outputs of an epoch, so far for the first `runs` runs. */
export class EpochAnswers {
  #runs = 0;
  readonly #indices: Int32Array;
  /** Classes of the stored logits, or the predicted classes. */
  readonly #classes: Int16Array;
  readonly #logits: Uint16Array;
  readonly #rest: Uint16Array;

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
  }

  get runs(): number {
    return this.#runs;
  }

  /** Adds the teacher's outputs for the next run: int32 `[batch]`, or float32 `[batch, classes]`. */
  add(indices: Int32Array, { data }: HostTensor): void {
    const { kind, topK: kept, classes, batch } = this.format;
    const from = this.#runs++ * batch;
    this.#indices.set(indices, from);
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
  answer(run: number, indices: Int32Array, first = 0): HostTensor | undefined {
    const { kind, topK: kept, classes, batch } = this.format;
    const from = run * batch;
    if (run >= this.#runs || !indices.every((v, i) => this.#indices[from + first + i] === v)) return undefined;
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
    const { kind, topK: kept } = this.format;
    const n = this.views;
    const indices = ["indices", hostTensor("int32", [n], this.#indices)] as const;
    if (kind === "labels") return new Map([indices, ["labels", hostTensor("int16", [n], this.#classes)]]);
    return new Map([
      indices,
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
