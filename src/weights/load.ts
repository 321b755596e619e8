/** Weights from any file we know, by what the file holds and not by its name. */
import { open, stat } from "node:fs/promises";
import { FileError, UsageError } from "../errors.js";
import { fileError } from "../system/atomic-file.js";
import { quoted } from "../system/quoted.js";
import type { HostTensor, NamedTensors } from "../tensor/index.js";
import { fromHuggingface, isHuggingface } from "./huggingface-names.js";
import { readSafetensors } from "./safetensors.js";
import { bareNames } from "./state-dict.js";
import { toFloat32 } from "./to-float32.js";

/** What a file of weights holds. */
export interface LoadedWeights {
  /** By timm's names, floats as float32. */
  readonly tensors: NamedTensors;
  readonly format: "safetensors" | "pytorch";
  /** What the file says about itself; deit's own checkpoints name their model and classes here. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The model, where a training program's checkpoint names it. */
  readonly architecture?: string;
  /** Tensors that are there and not read, with what they are, such as "float8_e5m2" or "sparse". */
  readonly unread: ReadonlyMap<string, string>;
  /** What the user should hear of the choice of weights, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Reads a safetensors file or a PyTorch checkpoint; `path#key` names the weights of a checkpoint that holds several, as
 * `last.pth.tar#state_dict_ema`. Throws FileError when it is neither, or not a sound one.
 */
export async function loadWeights(given: string): Promise<LoadedWeights> {
  const { path, key } = await splitKey(given);
  if ((await formatOf(path)) === "pytorch") {
    const { readPytorch } = await import("./pytorch.js");
    const { tensors, unread, notes, architecture } = await readPytorch(path, { key });
    const bare = normalized(path, tensors, unread);
    return { ...bare, notes: [...notes, ...bare.notes], architecture, format: "pytorch", metadata: {} };
  }
  if (key !== undefined)
    throw new UsageError(`"${path}" is a safetensors file, which holds one set of weights; leave out "#${key}".`);
  const { tensors, metadata, unread } = await readSafetensors(path);
  return { ...normalized(path, tensors, unread), format: "safetensors", metadata };
}

/** A path, and what follows a "#" in it unless a file is called so. */
async function splitKey(given: string): Promise<{ readonly path: string; readonly key?: string }> {
  const at = given.lastIndexOf("#");
  if (at <= 0 || (await stat(given).catch(() => undefined))) return { path: given };
  return { path: given.slice(0, at), key: given.slice(at + 1) };
}

/** The tensors by timm's names, floats as float32. */
function normalized(
  path: string,
  tensors: NamedTensors,
  unread: ReadonlyMap<string, string>,
): Pick<LoadedWeights, "tensors" | "unread" | "notes"> {
  const { names, prefix, outside } = bareNames([...tensors.keys(), ...unread.keys()]);
  const named = new Map<string, HostTensor>();
  for (const [name, t] of tensors) if (names.has(name)) named.set(names.get(name)!, toFloat32(t));
  const others = new Map([...unread].map(([name, kind]) => [names.get(name) ?? name, kind]));
  const notes =
    outside.length === 0
      ? []
      : [
          `Of the tensors in "${path}" those under ${quoted(prefix)} are the model's; ${counted(outside.length, "other")} (such as ${quoted(outside[0])}) ${outside.length === 1 ? "is" : "are"} not used.`,
        ];
  return { tensors: isHuggingface(named.keys()) ? fromHuggingface(named) : named, unread: others, notes };
}

const counted = (n: number, word: string): string => `${n} ${word}${n === 1 ? "" : "s"}`;

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
