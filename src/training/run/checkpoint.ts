/** Checkpoints: weights that name their model, and the whole state of a run. */

import { createHash } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { setImmediate as eventLoopTurn } from "node:timers/promises";
import { TrainingError } from "../../errors/errors.js";
import { messageOf } from "../../errors/message-of.js";
import { sentence, setting } from "../../errors/sentence.js";
import { checkpointTexts } from "../../evaluation/checkpoint-texts.js";
import type { EvaluationView } from "../../evaluation/view.js";
import { readSafetensors, writeSafetensors } from "../../formats/safetensors/safetensors.js";
import type { Model } from "../../models/model.js";
import { moveFile, requireFreeSpace, writeFileAtomic } from "../../system/files/atomic-file.js";
import { parseJson } from "../../system/text/json.js";
import type { HostTensor, NamedTensors } from "../../tensor/index.js";
import type { RunFolder } from "../run-folder/folder.js";
import { type Position, readPosition } from "../run-folder/position.js";

const newest = "state.safetensors";
const older = (age: number): string => (age === 0 ? newest : `state.${age}.safetensors`);
/** A complete new state that has not yet been moved into place. */
const upcoming = "state.next.safetensors";

export interface SavedState {
  readonly state: NamedTensors;
  readonly position: Position;
}

/** Metadata of weights besides their model. */
export interface AboutWeights {
  readonly classes: readonly string[];
  readonly view: EvaluationView;
  readonly severalLabels: boolean;
  /** The images that they were trained on (`writeTrainedOn`). */
  readonly trainedOn: string;
}

/** Name of the weights of an epoch that are kept besides the best and the last. */
export const epochWeights = (epoch: number) => `epoch-${epoch}` as const;

/** Removes the weights of epochs that are no longer kept. */
export async function removeOtherEpochs({ path, file }: RunFolder, kept: Position["kept"]): Promise<void> {
  const names = new Set(kept.map(({ epoch }) => `${epochWeights(epoch)}.safetensors`));
  for (const name of await readdir(path))
    if (/^epoch-\d+\.safetensors$/.test(name) && !names.has(name)) await rm(file(name), { force: true });
}

/** Writes `<name>.safetensors`: parameters with timm's names, loadable by other programs. */
export async function saveWeights(
  folder: RunFolder,
  name: "best" | "last" | ReturnType<typeof epochWeights>,
  model: Model,
  about: AboutWeights,
  state: NamedTensors,
  prefix: string,
): Promise<void> {
  const weights = new Map<string, HostTensor>(model.parameters.map((p) => [p.name, state.get(prefix + p.name)!]));
  await requireFreeSpace(folder.path, bytesOf(weights), `the checkpoint "${name}"`);
  await writeSafetensors(folder.file(`${name}.safetensors`), weights, checkpointTexts({ model, ...about }));
}

/**
 * Writes everything needed to resume, with a checksum, and a manifest `state.json` for readers. Previous states are
 * kept as `state.1.safetensors` and so on, `keep` in total; they are renamed only when the new one is complete and on
 * disk.
 */
export async function saveState(folder: RunFolder, state: NamedTensors, position: Position, keep = 2): Promise<void> {
  await requireFreeSpace(folder.path, bytesOf(state), "the state of the run");
  const text = JSON.stringify(position);
  const sha256 = await checksum(state, text);
  await writeSafetensors(folder.file(upcoming), state, { position: text, sha256 });
  for (let age = keep - 2; age >= 0; age--) await moveFile(folder.file(older(age)), folder.file(older(age + 1)));
  await moveFile(folder.file(upcoming), folder.file(newest));
  const manifest = { file: newest, position, sha256, tensors: state.size, bytes: bytesOf(state) };
  await writeFileAtomic(folder.file("state.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/**
 * The newest valid state of a started run, or undefined if it has not saved any yet. A corrupt one is skipped with a
 * warning; if all are corrupt or gone that is an error.
 */
export async function loadState(
  folder: RunFolder,
  onWarning: (message: string) => void = () => undefined,
): Promise<SavedState | undefined> {
  const broken: string[] = [];
  for (let age = 0, missing = 0; missing < 2; age++) {
    const path = folder.file(older(age));
    if (!(await stat(path).catch(() => undefined))) {
      missing++; // a kill between two renames leaves one gap
      continue;
    }
    try {
      const state = await readState(path);
      for (const reason of broken) onWarning(`${reason} The state before it is used.`);
      return state;
    } catch (error) {
      broken.push(messageOf(error));
    }
  }
  if (broken.length === 0) {
    // Every epoch saves its state before its weights.
    if (!(await stat(folder.file("last.safetensors")).catch(() => undefined))) return undefined;
    throw new TrainingError(
      sentence`The run in "${folder.path}" has weights, but its saved states are gone, so it cannot continue; start a new run, with ${setting("finetune", "last.safetensors")} to keep what was learned.`,
    );
  }
  throw new TrainingError(
    sentence`No saved state of the run in "${folder.path}" is intact, so it cannot continue; start a new run, with ${setting("finetune", "last.safetensors")} to keep what was learned. ${broken.join(" ")}`,
  );
}

/** Reads a saved state; throws TrainingError if its checksum or position is invalid. */
async function readState(path: string): Promise<SavedState> {
  const { tensors, metadata } = await readSafetensors(path);
  const { position = "", sha256 } = metadata;
  if (sha256 !== (await checksum(tensors, position))) {
    throw new TrainingError(`The saved state "${path}" is damaged: its checksum does not match.`);
  }
  return { state: tensors, position: parsePosition(path, position) };
}

function parsePosition(path: string, text: string): Position {
  try {
    return readPosition(parseJson(text));
  } catch {
    throw new TrainingError(`The saved state "${path}" does not record how far its run had come.`);
  }
}

/** Bytes hashed per turn of the event loop: a few milliseconds of work. */
const hashedAtOnce = 4 << 20;

/** SHA-256 over names, types and bytes of all tensors, by name, and the position. Training continues meanwhile. */
async function checksum(tensors: NamedTensors, position: string): Promise<string> {
  const hash = createHash("sha256").update(position);
  for (const [name, { dtype, shape, data }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(JSON.stringify([name, dtype, shape]));
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    for (let at = 0; at < bytes.length; at += hashedAtOnce) {
      hash.update(bytes.subarray(at, at + hashedAtOnce));
      if (bytes.length > hashedAtOnce) await eventLoopTurn();
    }
  }
  return hash.digest("hex");
}

function bytesOf(tensors: NamedTensors): number {
  let sum = 0;
  for (const t of tensors.values()) sum += t.data.byteLength;
  return sum;
}
