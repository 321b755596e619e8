/** Weights from any file we know, by what the file holds and not by its name. */
import { open } from "node:fs/promises";
import { FileError } from "../errors.js";
import { fileError } from "../system/atomic-file.js";
import type { HostTensor, NamedTensors } from "../tensor/index.js";
import { fromHuggingface, isHuggingface } from "./huggingface-names.js";
import { readSafetensors } from "./safetensors.js";
import { toFloat32 } from "./to-float32.js";

/** What a file of weights holds. */
export interface LoadedWeights {
  /** By timm's names, floats as float32. */
  readonly tensors: NamedTensors;
  readonly format: "safetensors" | "pytorch";
  /** What the file says about itself; deit's own checkpoints name their model and classes here. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** How weights are read. */
export interface LoadOptions {
  /** Takes the averaged weights (`model_ema`) of a checkpoint that holds both. */
  readonly preferEma?: boolean;
}

/** Reads a safetensors file or a PyTorch checkpoint. Throws FileError when it is neither, or not a sound one. */
export async function loadWeights(path: string, options: LoadOptions = {}): Promise<LoadedWeights> {
  if ((await formatOf(path)) === "pytorch") {
    const { readPytorch } = await import("./pytorch.js");
    return { tensors: normalized(await readPytorch(path, options)), format: "pytorch", metadata: {} };
  }
  const { tensors, metadata } = await readSafetensors(path);
  return { tensors: normalized(tensors), format: "safetensors", metadata };
}

/** What torch's wrappers (data parallel, compiled) put before every name. */
const wrapperPrefix = /^(module\.|_orig_mod\.)+/;

function normalized(tensors: NamedTensors): NamedTensors {
  const named = new Map<string, HostTensor>();
  for (const [name, t] of tensors) named.set(name.replace(wrapperPrefix, ""), toFloat32(t));
  return isHuggingface(named.keys()) ? fromHuggingface(named) : named;
}

/**
 * A zip archive, or a pickle (protocol byte 0x80), is PyTorch's; a safetensors file begins with the length of its
 * header in eight bytes and then an opening brace.
 */
async function formatOf(path: string): Promise<LoadedWeights["format"]> {
  const head = await firstBytes(path, 9);
  if (head.readUInt32BE(0) === 0x504b0304 || (head[0] === 0x80 && head[1] >= 2 && head[1] <= 5)) return "pytorch";
  if (head[8] === 0x7b) return "safetensors";
  throw new FileError(
    path,
    `"${path}" is neither a safetensors file nor a PyTorch checkpoint; give the weights in one of these formats.`,
  );
}

/** The first bytes of a file; zeros after its end. */
async function firstBytes(path: string, count: number): Promise<Buffer> {
  const head = Buffer.alloc(count);
  try {
    const file = await open(path, "r");
    try {
      await file.read(head, 0, count, 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(path, "read the weights in", error);
  }
  return head;
}
