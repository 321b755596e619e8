/** Loads weights from any supported file, recognised by content rather than by name. */
import { FileError, UsageError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { openSafetensors, readSafetensors } from "../formats/safetensors/safetensors.js";
import { firstBytes, isZip } from "./first-bytes.js";
import { foreignArchive, foreignFile, foreignPickle } from "./foreign-file.js";
import { locateWeights, type WeightFiles } from "./locate.js";
import { type LoadedWeights, namedWeights } from "./named.js";
import { candidateUnder } from "./state-dict.js";

/**
 * Reads safetensors files or PyTorch checkpoints: already located, or given by a path (`locateWeights`), such as
 * `last.pth.tar#state_dict_ema`. Throws FileError if one is neither, or is malformed.
 *
 * @example
 * ```ts
 * import { loadWeights } from "deit";
 *
 * const { tensors, format } = await loadWeights("runs/photos/best.safetensors");
 * console.log(format, tensors.size, "tensors");
 * ```
 */
export async function loadWeights(given: string | WeightFiles): Promise<LoadedWeights> {
  const { files, path, key } = typeof given === "string" ? await locateWeights({ weights: given }) : given;
  const [first, ...rest] = await Promise.all(files.map((file) => readFileOf(file, key)));
  const whole = rest.reduce((all, part) => merged(path, all, part), first);
  return namedWeights(path, whole);
}

/** What weights files state besides their tensors, which for safetensors are not read for this. */
export async function readDescription(
  found: WeightFiles,
): Promise<Pick<LoadedWeights, "metadata" | "architecture" | "trainingArguments" | "normalization">> {
  const [first] = found.files;
  if ((await formatOf(first)) === "pytorch") return loadWeights(found);
  const file = await openSafetensors(first);
  await file.close();
  // Of the tensors only those of a wrapper matter here, and few files have any.
  if (file.names.some((name) => /(^|[._])std$/.test(name))) return loadWeights(found);
  return { metadata: file.metadata };
}

async function readFileOf(path: string, key: string | undefined): Promise<LoadedWeights> {
  if ((await formatOf(path)) === "pytorch") {
    const { readPytorch } = await import("./pytorch.js");
    return { ...(await readPytorch(path, { key })), format: "pytorch", metadata: {} };
  }
  const all = { ...(await readSafetensors(path)), format: "safetensors", notes: [] } as const;
  if (key === undefined) return all;
  const chosen = candidateUnder([{ path: "", tensors: all.tensors }], key);
  if (!chosen)
    throw new UsageError(
      `"${path}" is a safetensors file, which holds one set of weights, and no names in it begin with ${quoted(`${key}.`)}; leave out "#${key}".`,
    );
  return { ...all, tensors: chosen.tensors, unread: new Map() };
}

/** Two shards as one file. */
function merged(path: string, one: LoadedWeights, other: LoadedWeights): LoadedWeights {
  const twice = [...other.tensors.keys()].find((name) => one.tensors.has(name));
  if (twice !== undefined)
    throw new FileError(path, `Two of the files of "${path}" hold ${quoted(twice)}; fetch them again.`);
  return {
    ...one,
    tensors: new Map([...one.tensors, ...other.tensors]),
    unread: new Map([...one.unread, ...other.unread]),
    notes: [...one.notes, ...other.notes],
  };
}

/**
 * A zip archive, or a pickle (protocol byte 0x80), is PyTorch's, unless it is recognised as a different format; a
 * safetensors file begins with the length of its header in eight bytes, followed by an opening brace.
 */
async function formatOf(path: string): Promise<LoadedWeights["format"]> {
  const head = await firstBytes(path, 9);
  const zip = isZip(head);
  const pickle = head[0] === 0x80 && head[1] >= 2 && head[1] <= 5;
  if (head[8] === 0x7b && !zip && !pickle) return "safetensors";
  const foreign = await (zip ? foreignArchive : pickle ? foreignPickle : foreignFile)(path);
  if ((zip || pickle) && !foreign) return "pytorch";
  if (foreign) throw new FileError(path, `"${path}" is ${foreign.is}; ${foreign.way}.`);
  throw new FileError(
    path,
    `"${path}" is neither a safetensors file nor a PyTorch checkpoint; give the weights in one of these formats.`,
  );
}
