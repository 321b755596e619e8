/**
 * A teacher's answers, computed once and replayed by any number of students. Every view is a function of seed, epoch
 * and sample, so the answers to a run's batches are known before the run; they are stored in its order, an epoch a
 * file, bound by hashes to the data, the views and the teacher they belong to.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Dataset } from "../data/dataset.js";
import { datasetIdentity } from "../data/identity.js";
import type { Batch, Loader } from "../data/loader.js";
import { openDataset } from "../data/open.js";
import type { Engine, Executable } from "../engines/engine.js";
import { FileError, InterruptedError, TrainingError, UsageError } from "../errors.js";
import { softmaxOf, topK } from "../evaluation/metrics.js";
import type { Model } from "../models/model.js";
import { fileError, writeFileAtomic } from "../system/atomic-file.js";
import { argmax, type HostTensor, hostTensor, program } from "../tensor/index.js";
import { readSafetensors, writeSafetensors } from "../weights/safetensors.js";
import { batchImages, batchInputs } from "./batch-transform.js";
import { fromHalf, toHalf } from "./half.js";
import { batchTransformOf, type Recipe } from "./recipe.js";
import { teacherLogits } from "./step.js";
import { stepData } from "./step-data.js";
import { createStudent } from "./student.js";
import { openTeacher, type TeacherAnswers } from "./teacher.js";
import { type DataOptions, trainingLoader, trainingTransform, withoutBadImages } from "./training-data.js";

/** What a cache belongs to; a run that differs in any part must not use it. */
interface CacheIdentity {
  readonly data: string;
  readonly views: string;
  readonly teacher: string;
}

interface Manifest {
  readonly format: 1;
  readonly identity: CacheIdentity;
  readonly kind: "labels" | "logits";
  /** Logits kept per view; the rest share what is left of the probability. */
  readonly topK: number;
  readonly classes: number;
  readonly batch: number;
}

const epochFile = (folder: string, epoch: number) =>
  join(folder, `epoch-${String(epoch).padStart(4, "0")}.safetensors`);
const digest = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");

function identityOf(dataset: Dataset, recipe: Recipe, student: Model, teacher: string): CacheIdentity {
  const { seed, batchSize, accumulate, mixup, cutmix, cutmixMinMax, mixProbability, mixSwitchProbability } = recipe;
  const { mixMode, eraseProbability, eraseMode, eraseCount } = recipe;
  return {
    data: datasetIdentity(dataset),
    views: digest([
      trainingTransform(recipe, student),
      student.normalization,
      [seed, batchSize / accumulate, recipe.repeatedAugmentation],
      [mixup, cutmix, cutmixMinMax, mixProbability, mixSwitchProbability, mixMode],
      [eraseProbability, eraseMode, eraseCount],
    ]),
    teacher,
  };
}

export interface CacheOptions extends DataOptions {
  readonly recipe: Recipe;
  readonly engine: Engine;
  /** Folder of the cache; one that was begun with the same recipe is gone on with. */
  readonly output: string;
  /** Logits kept per view for soft distillation; all unless told. */
  readonly topK?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (images: number, total: number) => void;
}

export interface StoredAnswers {
  readonly folder: string;
  readonly epochs: number;
  readonly viewsPerEpoch: number;
  readonly kind: "labels" | "logits";
}

/** Stores the answers of the recipe's teacher to all epochs of the recipe: decisions for `hard`, logits for `soft`. */
export async function buildTeacherCache(options: CacheOptions): Promise<StoredAnswers> {
  const { recipe, engine, output, signal, onProgress } = options;
  const found = await openDataset(options.data, { split: "train", rule: options.split });
  const dataset = await withoutBadImages(found, options);
  const student = createStudent(recipe, found.classes.length);
  const teacher = await openTeacher(recipe, student, found.classes);
  const kind = recipe.distillation === "soft" ? "logits" : "labels";
  const loader = trainingLoader(dataset, recipe, student, options);
  const batch = loader.batchSize;
  const manifest: Manifest = {
    format: 1,
    identity: identityOf(dataset, recipe, student, teacher.identity),
    kind,
    topK: kind === "labels" ? 1 : Math.min(options.topK ?? student.classes, student.classes),
    classes: student.classes,
    batch,
  };
  await mkdir(output, { recursive: true }).catch((error) => {
    throw fileError(output, "create the cache", error);
  });
  await beginOrContinue(output, manifest);

  const images = batchImages(batch, student.imageSize, student.normalization, batchTransformOf(recipe));
  const logits = teacherLogits(teacher.model, student, images);
  const executable = await engine.compile(
    program({
      name: "teacher",
      outputs: { answer: kind === "labels" ? argmax(logits, 1) : logits },
      state: teacher.state.keys(),
      batch: [...Object.values(batchInputs).filter((n) => n !== batchInputs.eraseSeed), "answer"],
    }),
  );
  const state = await engine.createState(teacher.state);
  const runs = runsOf(loader, recipe);
  const total = recipe.epochs * runs * batch;
  try {
    for (let epoch = 0; epoch < recipe.epochs; epoch++) {
      if (await exists(epochFile(output, epoch))) continue;
      const answers: HostTensor[] = [];
      const indices = new Int32Array(runs * batch);
      for await (const views of loader.epoch(epoch)) {
        if (signal?.aborted)
          throw new InterruptedError(`Interrupted; the same command goes on with epoch ${epoch + 1} of the cache.`);
        if (views.step >= runs) break;
        indices.set(views.indices, views.step * batch);
        answers.push(await answerTo(executable, state, { recipe, epoch, batch: views }));
        onProgress?.((epoch * runs + views.step + 1) * batch, total);
      }
      await writeEpoch(output, epoch, manifest, indices, answers);
    }
  } finally {
    await loader.close();
    await executable.dispose().catch(() => undefined);
    await state.dispose().catch(() => undefined);
  }
  return { folder: output, epochs: recipe.epochs, viewsPerEpoch: runs * batch, kind };
}

async function answerTo(
  executable: Executable,
  state: Parameters<Executable["run"]>[0],
  place: { recipe: Recipe; epoch: number; batch: Batch },
): Promise<HostTensor> {
  const outputs = await executable.run(state, stepData(executable.program, place, { scalars: {} }));
  return outputs.get("answer")!;
}

/** Runs of an epoch that training makes: whole steps only. */
function runsOf(loader: Loader, { accumulate }: Recipe): number {
  return Math.floor(loader.stepsPerEpoch / accumulate) * accumulate;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function beginOrContinue(folder: string, manifest: Manifest): Promise<void> {
  const path = join(folder, "manifest.json");
  if (!(await exists(path))) return writeFileAtomic(path, `${JSON.stringify(manifest, null, 2)}\n`);
  const known = await readManifest(folder);
  refuseForeign(folder, known, manifest.identity);
  if (known.kind !== manifest.kind || known.topK !== manifest.topK)
    throw new UsageError(
      `"${folder}" holds other answers (${known.kind}, ${known.topK} per view); choose another folder.`,
    );
}

async function readManifest(folder: string): Promise<Manifest> {
  const path = join(folder, "manifest.json");
  const text = await readFile(path, "utf8").catch((error) => {
    throw fileError(path, "read the teacher's answers in", error);
  });
  try {
    const manifest = JSON.parse(text) as Manifest;
    if (manifest.format === 1 && typeof manifest.identity.views === "string") return manifest;
  } catch {
    // said below
  }
  throw new FileError(path, `"${path}" is no manifest of a teacher's answers; make them again.`);
}

function refuseForeign(folder: string, { identity }: Manifest, wanted: Partial<CacheIdentity>): void {
  const reasons = {
    data: "the data set is another or has changed",
    views: "the views differ (image size, crops, mixing, erasing, seed or batch size)",
    teacher: "the teacher is another",
  };
  const found = (["data", "views", "teacher"] as const).filter((k) => wanted[k] && wanted[k] !== identity[k]);
  if (found.length === 0) return;
  throw new TrainingError(
    `The teacher's answers in "${folder}" do not belong to this run: ${found.map((k) => reasons[k]).join("; ")}. Make them again with this recipe, or use the recipe they were made with.`,
  );
}

async function writeEpoch(
  folder: string,
  epoch: number,
  { kind, topK: kept, classes }: Manifest,
  indices: Int32Array,
  answers: readonly HostTensor[],
): Promise<void> {
  const n = indices.length;
  const tensors = new Map<string, HostTensor>([["indices", hostTensor("int32", [n], indices)]]);
  const all = answers.flatMap((t) => t.data as Int32Array | Float32Array);
  if (kind === "labels") {
    const labels = Int16Array.from({ length: n }, (_, i) => {
      const chunk = all[Math.floor(i / all[0].length)];
      return chunk[i % chunk.length];
    });
    tensors.set("labels", hostTensor("int16", [n], labels));
  } else {
    const classIndex = new Int16Array(n * kept);
    const logits = new Uint16Array(n * kept);
    const rest = new Uint16Array(n);
    for (let i = 0; i < n; i++) {
      const chunk = all[Math.floor((i * classes) / all[0].length)] as Float32Array;
      const at = (i * classes) % chunk.length;
      const row = chunk.subarray(at, at + classes);
      const best = topK(row, kept);
      best.forEach((c, k) => {
        classIndex[i * kept + k] = c;
        logits[i * kept + k] = toHalf(row[c]);
      });
      rest[i] = toHalf(restLogit(row, best));
    }
    tensors.set("classes", hostTensor("int16", [n, kept], classIndex));
    tensors.set("logits", hostTensor("float16", [n, kept], logits));
    tensors.set("rest", hostTensor("float16", [n], rest));
  }
  await writeSafetensors(epochFile(folder, epoch), tensors, { sha256: checksum(tensors) });
}

/** The logit that, given to each class but the `best`, leaves them their probability together. */
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

/**
 * Opens stored answers for a run. Refused, with the reason, when they belong to other data, views or another teacher
 * (where `teacher`, its identity, is known), or do not suffice.
 */
export async function openTeacherCache(
  folder: string,
  recipe: Recipe,
  dataset: Dataset,
  student: Model,
  teacher?: string,
): Promise<TeacherAnswers> {
  const manifest = await readManifest(folder);
  refuseForeign(folder, manifest, { ...identityOf(dataset, recipe, student, ""), teacher });
  if (recipe.distillation === "soft" && manifest.kind === "labels")
    throw new UsageError(
      `"${folder}" holds decisions only, but soft distillation needs logits; make them with distillation=soft.`,
    );
  for (let epoch = 0; epoch < recipe.epochs; epoch++) {
    if (await exists(epochFile(folder, epoch))) continue;
    throw new TrainingError(
      `The teacher's answers in "${folder}" end before epoch ${epoch + 1} of ${recipe.epochs}; go on with making them, or set epochs=${epoch}.`,
    );
  }
  let held: { epoch: number; answers: Promise<EpochAnswers> } | undefined;
  return {
    kind: manifest.kind,
    answer: async (epoch, run, indices) => {
      if (held?.epoch !== epoch) held = { epoch, answers: readEpoch(epochFile(folder, epoch), manifest) };
      return (await held.answers)(run, indices);
    },
  };
}

type EpochAnswers = (run: number, indices: Int32Array) => HostTensor;

async function readEpoch(path: string, { kind, topK: kept, classes, batch }: Manifest): Promise<EpochAnswers> {
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata.sha256 !== checksum(tensors))
    throw new FileError(path, `"${path}" is damaged: its checksum does not fit. Remove it and make the answers again.`);
  const known = tensors.get("indices")!.data as Int32Array;
  return (run, indices) => {
    const from = run * batch;
    if (!indices.every((v, i) => known[from + i] === v))
      throw new FileError(path, `"${path}" holds answers to other views than those of run ${run}; make them again.`);
    if (kind === "labels") {
      const labels = tensors.get("labels")!.data as Int16Array;
      return hostTensor("int32", [batch], Int32Array.from(labels.subarray(from, from + batch)));
    }
    const at = tensors.get("classes")!.data as Int16Array;
    const logits = tensors.get("logits")!.data as Uint16Array;
    const rest = tensors.get("rest")!.data as Uint16Array;
    const out = new Float32Array(batch * classes);
    for (let i = 0; i < batch; i++) {
      out.fill(fromHalf(rest[from + i]), i * classes, (i + 1) * classes);
      for (let k = (from + i) * kept; k < (from + i + 1) * kept; k++) out[i * classes + at[k]] = fromHalf(logits[k]);
    }
    return hostTensor("float32", [batch, classes], out);
  };
}
