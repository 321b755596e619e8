/** Weights from any file we know, by what the file holds and not by its name. */
import { open } from "node:fs/promises";
import { fileError } from "../system/atomic-file.js";
import type { HostTensor, NamedTensors } from "../tensor/index.js";
import { fromHuggingface, isHuggingface } from "./huggingface-names.js";
import { readSafetensors } from "./safetensors.js";
import { toFloat32 } from "./to-float32.js";

export interface LoadedWeights {
  /** By timm's names, floats as float32. */
  readonly tensors: NamedTensors;
  readonly format: "safetensors" | "pytorch";
  /** What the file says about itself; deit's own checkpoints name their model and classes here. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads a safetensors file or a PyTorch checkpoint. */
export async function loadWeights(path: string): Promise<LoadedWeights> {
  if (await isPytorch(path)) {
    const { readPytorch } = await import("./pytorch.js");
    return { tensors: normalized(await readPytorch(path)), format: "pytorch", metadata: {} };
  }
  const { tensors, metadata } = await readSafetensors(path);
  return { tensors: normalized(tensors), format: "safetensors", metadata };
}

function normalized(tensors: NamedTensors): NamedTensors {
  const named = new Map<string, HostTensor>();
  for (const [name, t] of tensors) named.set(name.replace(/^module\./, ""), toFloat32(t));
  return isHuggingface(named.keys()) ? fromHuggingface(named) : named;
}

/** A zip archive, or a pickle (protocol byte 0x80); a safetensors file begins with the small length of its header. */
async function isPytorch(path: string): Promise<boolean> {
  const file = await open(path, "r").catch((error) => {
    throw fileError(path, "read the weights in", error);
  });
  try {
    const head = Buffer.alloc(4);
    await file.read(head, 0, 4, 0).catch((error) => {
      throw fileError(path, "read the weights in", error);
    });
    return head.readUInt32BE(0) === 0x504b0304 || (head[0] === 0x80 && head[1] >= 2 && head[1] <= 5);
  } finally {
    await file.close();
  }
}
