/** Checkpoints: weights that name their model, and the whole state of a run. */
import { stat } from "node:fs/promises";
import { checkpointMetadata } from "../evaluation/open-model.js";
import type { Model } from "../models/model.js";
import { requireFreeSpace } from "../system/atomic-file.js";
import type { HostTensor, NamedTensors } from "../tensor/index.js";
import { readSafetensors, writeSafetensors } from "../weights/safetensors.js";
import type { RunFolder } from "./run-folder.js";

export interface Position {
  /** Epochs that are done. */
  readonly epoch: number;
  /** Optimizer steps that are done. */
  readonly step: number;
  readonly bestTop1: number;
}

const stateFile = "state.safetensors";

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

/** Writes everything that going on needs. */
export async function saveState(folder: RunFolder, state: NamedTensors, position: Position): Promise<void> {
  await requireFreeSpace(folder.path, bytesOf(state), "the state of the run");
  await writeSafetensors(folder.file(stateFile), state, { position: JSON.stringify(position) });
}

/** The state of a run that was begun, or undefined. */
export async function loadState(folder: RunFolder): Promise<{ state: NamedTensors; position: Position } | undefined> {
  const path = folder.file(stateFile);
  if (!(await stat(path).catch(() => undefined))) return undefined;
  const { tensors, metadata } = await readSafetensors(path);
  return { state: tensors, position: JSON.parse(metadata.position) as Position };
}

function bytesOf(tensors: NamedTensors): number {
  let sum = 0;
  for (const t of tensors.values()) sum += t.data.byteLength;
  return sum;
}
