/** Checkpoints: weights that name their model, and the whole state of a run. */
import { createHash } from "node:crypto";
import { rename, stat } from "node:fs/promises";
import type { DeviceState } from "../engines/engine.js";
import { TrainingError } from "../errors.js";
import { checkpointMetadata } from "../evaluation/open-model.js";
import type { Model } from "../models/model.js";
import { fileError, requireFreeSpace, writeFileAtomic } from "../system/atomic-file.js";
import type { HostTensor, NamedTensors } from "../tensor/index.js";
import { readSafetensors, writeSafetensors } from "../weights/safetensors.js";
import type { RunFolder } from "./run-folder.js";

/** How far a run has come. */
export interface Position {
  /** Epochs that are done. */
  readonly epoch: number;
  /** Optimizer steps that are done. */
  readonly step: number;
  /** Runs of the program that are done in the epoch under way, and their sums. */
  readonly runs: number;
  readonly lossSum: number;
  readonly correctSum: number;
  readonly bestTop1: number;
}

export const beginning: Position = { epoch: 0, step: 0, runs: 0, lossSum: 0, correctSum: 0, bestTop1: -1 };

const newest = "state.safetensors";
const older = (age: number): string => (age === 0 ? newest : `state.${age}.safetensors`);

/** Writes `<name>.safetensors`: parameters with timm's names, loadable by other programs. */
export async function saveWeights(
  folder: RunFolder,
  name: "best" | "last",
  model: Model,
  classes: readonly string[],
  state: NamedTensors,
  prefix: string,
): Promise<void> {
  const weights = new Map<string, HostTensor>(model.parameters.map((p) => [p.name, state.get(prefix + p.name)!]));
  await requireFreeSpace(folder.path, bytesOf(weights), `the checkpoint "${name}"`);
  await writeSafetensors(folder.file(`${name}.safetensors`), weights, {
    format: "pt",
    [checkpointMetadata.model]: model.name,
    [checkpointMetadata.config]: JSON.stringify(model.config),
    [checkpointMetadata.classes]: JSON.stringify(classes),
  });
}

/**
 * Writes everything that going on needs, with a checksum, and a manifest `state.json` for readers. The states before it
 * stay as `state.1.safetensors` and so on, `keep` in all.
 */
export async function saveState(folder: RunFolder, state: NamedTensors, position: Position, keep = 2): Promise<void> {
  await requireFreeSpace(folder.path, bytesOf(state), "the state of the run");
  for (let age = keep - 2; age >= 0; age--) {
    await rename(folder.file(older(age)), folder.file(older(age + 1))).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw fileError(folder.file(older(age)), "rename", error);
    });
  }
  const text = JSON.stringify(position);
  const sha256 = checksum(state, text);
  await writeSafetensors(folder.file(newest), state, { position: text, sha256 });
  const manifest = { file: newest, position, sha256, tensors: state.size, bytes: bytesOf(state) };
  await writeFileAtomic(folder.file("state.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/**
 * The newest sound state of a run that was begun, or undefined when it has saved none yet. A broken one is passed over
 * with a warning; when all are broken that is an error.
 */
export async function loadState(
  folder: RunFolder,
  onWarning: (message: string) => void = () => undefined,
): Promise<{ state: NamedTensors; position: Position } | undefined> {
  const broken: string[] = [];
  for (let age = 0, missing = 0; missing < 2; age++) {
    const path = folder.file(older(age));
    if (!(await stat(path).catch(() => undefined))) {
      missing++; // one gap is what a kill between two renames leaves
      continue;
    }
    try {
      const state = await readState(path);
      for (const reason of broken) onWarning(`${reason} The state before it is used.`);
      return state;
    } catch (error) {
      broken.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (broken.length === 0) return undefined;
  throw new TrainingError(
    `No saved state of the run in "${folder.path}" is sound, so it cannot go on; start a new run, with --finetune last.safetensors to keep what was learned. ${broken.join(" ")}`,
  );
}

async function readState(path: string): Promise<{ state: NamedTensors; position: Position }> {
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata.sha256 !== checksum(tensors, metadata.position ?? "")) {
    throw new TrainingError(`The saved state "${path}" is damaged: its checksum does not fit.`);
  }
  return { state: tensors, position: { ...beginning, ...(JSON.parse(metadata.position) as Partial<Position>) } };
}

/** SHA-256 over names, types and bytes of all tensors, by name, and the position. */
function checksum(tensors: NamedTensors, position: string): string {
  const hash = createHash("sha256").update(position);
  for (const [name, { dtype, shape, data }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(JSON.stringify([name, dtype, shape]));
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}

function bytesOf(tensors: NamedTensors): number {
  let sum = 0;
  for (const t of tensors.values()) sum += t.data.byteLength;
  return sum;
}

/** Writes behind the back of training: a save copies the state, and the next one waits until it is on disk. */
export class Checkpointer {
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown;
  #savedAt = performance.now();

  constructor(
    private readonly folder: RunFolder,
    private readonly names: readonly string[],
    private readonly keep: number,
  ) {}

  /** Milliseconds since the state was last copied. */
  get age(): number {
    return performance.now() - this.#savedAt;
  }

  /** Copies the state and starts writing it; `before` writes what must not be newer than it. */
  async save(
    state: DeviceState,
    position: Position,
    before: (tensors: NamedTensors) => Promise<void> = async () => undefined,
  ): Promise<void> {
    await this.settle();
    const tensors = await state.read(this.names);
    this.#savedAt = performance.now();
    const write = async () => {
      await before(tensors);
      await saveState(this.folder, tensors, position, this.keep);
    };
    this.#writing = write().catch((error: unknown) => {
      this.#failure = error;
    });
  }

  /** Waits until everything is on disk; throws what went wrong. */
  async settle(): Promise<void> {
    await this.#writing;
    if (this.#failure === undefined) return;
    const failure = this.#failure;
    this.#failure = undefined;
    throw failure;
  }
}
