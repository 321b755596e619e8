/** PyTorch checkpoints, zip and legacy: the tensors of a state dict, however nested. */
import { stat } from "node:fs/promises";
import { FileError, UsageError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { OtherTensor, readTorchPickle, type Storage, TensorRef } from "../formats/pickle/torch.js";
import { Inert, notAllowed, PickleError, type PickleValue } from "../formats/pickle/values.js";
import { ZipFile } from "../formats/zip.js";
import { readWhole } from "../system/files/regular-file.js";
import { asObject, type JsonObject } from "../system/text/json.js";
import {
  allocate,
  byteSize,
  type HostTensor,
  type NamedTensors,
  sizeOf,
  type TypedArray,
  viewOf,
} from "../tensor/index.js";
import { firstBytes, isZip } from "./first-bytes.js";
import { type Candidate, candidateUnder, chooseStateDict } from "./state-dict.js";

const largestPickle = 64 * 2 ** 20;
/** Maximum bytes of all tensors per byte of the file; above one if tensors share or repeat elements. */
const largestExpansion = 4;
/** Bytes that tensors in any file may expand to from single elements, such as an expanded mask or bias. */
const smallExpansion = 16 * 2 ** 20;

export interface PytorchOptions {
  /** Key of the weights in the checkpoint, such as "model_ema" (default: chosen by content). */
  readonly key?: string;
}

export interface PytorchWeights {
  readonly tensors: NamedTensors;
  /** Tensors that are present but not read, with their kind, such as "float8_e5m2" or "sparse". */
  readonly unread: ReadonlyMap<string, string>;
  /** The model, if the checkpoint names it: timm's `arch`, or `model` among the arguments. */
  readonly architecture?: string;
  /** The training program's arguments, if stored with the weights. */
  readonly trainingArguments?: JsonObject;
  /** Sentences for the user. */
  readonly notes: readonly string[];
}

type Found = TensorRef | OtherTensor;

/** All tensors by name. Throws FileError if the file is malformed or constructs disallowed objects. */
export async function readPytorch(path: string, { key }: PytorchOptions = {}): Promise<PytorchWeights> {
  try {
    return isZip(await firstBytes(path, 4)) ? await readZip(path, key) : await readLegacy(path, key);
  } catch (error) {
    if (error instanceof PickleError) {
      throw new FileError(
        path,
        `The PyTorch file "${path}" ${error.message}; convert it to safetensors where it was made.`,
        { cause: error },
      );
    }
    throw error;
  }
}

type ReadStorage = (storage: Storage) => Promise<ArrayBuffer>;

/** Maximum expansion of a file whose entries were compressed, which PyTorch itself does not do. */
const largestPacking = 64;

async function readZip(path: string, key: string | undefined): Promise<PytorchWeights> {
  const { size } = await stat(path);
  const zip = await ZipFile.open(path, { totalBytes: size * largestPacking });
  try {
    const pickle = [...zip.entries.keys()].find((name) => /^[^/]*\/?data\.pkl$/.test(name));
    if (!pickle) throw new PickleError("holds no data.pkl, so it is not a checkpoint");
    const root = pickle.slice(0, -"data.pkl".length);
    if (zip.entries.has(`${root}byteorder`) && (await zip.read(`${root}byteorder`, 16)).toString() !== "little") {
      throw new PickleError("was written on a big-endian machine");
    }
    const { value } = readTorchPickle(await zip.read(pickle, largestPickle));
    const unpacked = [...zip.entries.values()].reduce((sum, entry) => sum + entry.size, 0);
    return await collect(path, chosenFrom(path, value, key), unpacked, async ({ type, key, length, bytes }) => {
      const entry = zip.entries.get(`${root}data/${key}`);
      if (!entry) throw new PickleError(`lacks the storage ${quoted(key)}`);
      if (entry.size !== bytes) throw new PickleError(`has ${entry.size} bytes for ${length} elements of ${type.name}`);
      return new Uint8Array(await zip.read(entry.name, bytes)).buffer;
    });
  } finally {
    await zip.close();
  }
}

const largestLegacy = 2 ** 31;

/** The format before PyTorch 1.6: consecutive pickles, then the storages. */
async function readLegacy(path: string, key: string | undefined): Promise<PytorchWeights> {
  const { size } = await stat(path);
  if (size > largestLegacy) throw new PickleError("is over 2 GiB in the old format");
  const bytes = await readWhole(path, largestLegacy);
  const magic = readTorchPickle(bytes);
  if (magic.value !== 0x1950a86a20f9469cfc6cn) throw new PickleError("does not begin as a PyTorch checkpoint does");
  const protocol = readTorchPickle(bytes, magic.end);
  const system = readTorchPickle(bytes, protocol.end);
  if (system.value instanceof Map && system.value.get("little_endian") === false)
    throw new PickleError("was written on a big-endian machine");
  const content = readTorchPickle(bytes, system.end);
  const keys = readTorchPickle(bytes, content.end);
  if (!Array.isArray(keys.value)) throw new PickleError("lists no storages");
  const positions = new Map<string, number>();
  let at = keys.end;
  for (const name of keys.value) {
    const storage = typeof name === "string" ? content.storages.get(name) : undefined;
    if (!storage) throw new PickleError("holds a storage that no tensor names");
    if (at + 8 > bytes.length || Number(bytes.readBigInt64LE(at)) !== storage.length)
      throw new PickleError("has storages of other lengths than it says");
    positions.set(storage.key, at + 8);
    at += 8 + storage.bytes;
    if (at > bytes.length) throw new PickleError("is cut short in its storages");
  }
  return collect(path, chosenFrom(path, content.value, key), size, async ({ key, bytes: length }) => {
    const from = positions.get(key);
    if (from === undefined) throw new PickleError(`lacks the storage ${quoted(key)}`);
    return new Uint8Array(bytes.subarray(from, from + length)).buffer; // a copy, aligned for any type
  });
}

interface Choice extends Pick<PytorchWeights, "architecture" | "trainingArguments"> {
  readonly found: ReadonlyMap<string, Found>;
  readonly notes: readonly string[];
}

/** Selects the weights among everything in the checkpoint. */
function chosenFrom(path: string, value: PickleValue, key: string | undefined): Choice {
  const candidates: Candidate<Found>[] = [];
  const inert: string[] = [];
  gather(value, "", 0, candidates, inert, new Set());
  const chosen = key === undefined ? chooseStateDict(candidates) : named(path, candidates, key);
  // There is an object of the program that wrote the file instead of weights: a whole model.
  const whole = inert.find((name) => /\b(nn|models?)\b/i.test(name));
  if (whole !== undefined && !chosen?.recognized) throw notAllowed(whole);
  if (!chosen) throw inert.length > 0 ? notAllowed(inert[0]) : new PickleError("holds no tensors by name");
  const { candidate, others } = chosen;
  const notes =
    others.length === 0
      ? []
      : [
          `"${path}" holds several sets of weights: ${[candidate, ...others].map(where).join(", ")}; ${where(candidate)} is taken. Write "${path}#${others[0].path}" for another.`,
        ];
  return { found: candidate.tensors, ...trainingIn(value), notes };
}

const where = ({ path }: Candidate<Found>): string => (path === "" ? "those at the top" : quoted(path));

function named(path: string, candidates: readonly Candidate<Found>[], key: string) {
  const candidate = candidates.find((c) => c.path === key) ?? candidateUnder(candidates, key);
  if (candidate) return { candidate, recognized: 1, others: [] };
  throw new UsageError(
    `"${path}" holds no tensors under ${quoted(key)}; there are ${candidates.map(where).slice(0, 8).join(", ") || "none at all"}.`,
  );
}

/** Maximum nesting of dictionaries. */
const deepest = 6;

/** Collects all dictionaries with tensors, and the names of unknown objects. */
function gather(
  value: PickleValue,
  path: string,
  depth: number,
  candidates: Candidate<Found>[],
  inert: string[],
  seen: Set<PickleValue>,
): void {
  if (depth > deepest || seen.has(value)) return;
  seen.add(value);
  if (value instanceof Inert) inert.push(value.name);
  const entries = value instanceof Inert ? value.entries : value;
  if (!(entries instanceof Map)) return;
  const tensors = new Map<string, Found>();
  for (const [name, item] of entries) {
    if (typeof name !== "string") continue;
    if (item instanceof TensorRef || item instanceof OtherTensor) tensors.set(name, item);
    else gather(item, path === "" ? name : `${path}.${name}`, depth + 1, candidates, inert, seen);
  }
  if (tensors.size > 0) candidates.push({ path, tensors });
}

/** timm writes `arch`; programs that save their arguments, such as facebookresearch/deit, have `model` among them. */
function trainingIn(value: PickleValue): Pick<PytorchWeights, "architecture" | "trainingArguments"> {
  if (!(value instanceof Map)) return {};
  const settings = ["args", "hyper_parameters", "config", "cfg"].map((name) => asObject(plain(value.get(name))));
  const names = settings.flatMap((s) => (s ? [s.model, s.arch, s.model_name] : []));
  return {
    architecture: [value.get("arch"), ...names].find((name): name is string => typeof name === "string"),
    trainingArguments: settings.find((s) => s !== undefined),
  };
}

/** Maximum nesting of arguments. */
const deepestArguments = 4;

/** A value as JSON; undefined for objects, which are never arguments of a model. */
function plain(value: PickleValue | undefined, depth = 0): unknown {
  if (depth > deepestArguments) return undefined;
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  if (value instanceof Map)
    return Object.fromEntries(
      [...value].flatMap(([name, item]) => (typeof name === "string" ? [[name, plain(item, depth + 1)]] : [])),
    );
  return typeof value === "object" && value !== null ? undefined : value;
}

async function collect(
  path: string,
  { found, ...rest }: Choice,
  size: number,
  read: ReadStorage,
): Promise<PytorchWeights> {
  const refs = new Map<string, TensorRef>();
  const unread = new Map<string, string>();
  for (const [name, tensor] of found) {
    if (tensor instanceof OtherTensor) unread.set(name, tensor.kind);
    else if (tensor.type.dtype === undefined) unread.set(name, tensor.type.name);
    else refs.set(name, tensor);
  }
  if (refs.size === 0) throw new FileError(path, `"${path}" contains no tensor of a supported type.`);
  let bytes = 0;
  for (const { shape, type } of refs.values()) bytes += sizeOf(shape) * type.size;
  if (bytes > Math.max(size * largestExpansion, smallExpansion))
    throw new PickleError(`wants ${bytes} bytes for its tensors, but has only ${size}`);
  const left = new Map<Storage, number>();
  for (const { storage } of refs.values()) left.set(storage, (left.get(storage) ?? 0) + 1);
  const shared = new Map<Storage, ArrayBuffer>();
  const tensors = new Map<string, HostTensor>();
  for (const [name, ref] of refs) {
    const { storage, shape } = ref;
    const dtype = ref.type.dtype!;
    const buffer = shared.get(storage) ?? (await read(storage));
    const others = left.get(storage)! - 1;
    left.set(storage, others);
    if (others > 0) shared.set(storage, buffer);
    else shared.delete(storage);
    const elements = viewOf(dtype, buffer, 0, Math.floor(buffer.byteLength / byteSize(dtype)));
    const data = gatherElements(ref, elements, others === 0);
    tensors.set(name, { dtype, shape, data: ref.negated ? negative(dtype, data) : data });
  }
  return { tensors, unread, ...rest };
}

/** The negated elements; for half-precision types, which are stored as bits, the sign is the top bit. */
function negative(dtype: HostTensor["dtype"], data: TypedArray): TypedArray {
  if (dtype === "float16" || dtype === "bfloat16") return (data as Uint16Array).map((bits) => bits ^ 0x8000);
  if (data instanceof BigInt64Array) return data.map((value) => -value);
  return (data as Float32Array).map((value) => -value);
}

/**
 * The tensor's elements in row-major order, copied from its storage by its strides, unless it is the `last` to need it.
 */
function gatherElements({ type, offset, shape, stride }: TensorRef, data: TypedArray, last: boolean): TypedArray {
  const n = sizeOf(shape);
  let expected = 1;
  let contiguous = true;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && stride[i] !== expected) contiguous = false;
    expected *= shape[i];
  }
  if (contiguous) return last && n === data.length ? data : data.slice(offset, offset + n);
  const out = allocate(type.dtype!, n);
  for (let i = 0; i < n; i++) {
    let rest = i;
    let from = offset;
    for (let d = shape.length - 1; d >= 0; d--) {
      from += (rest % shape[d]) * stride[d];
      rest = Math.floor(rest / shape[d]);
    }
    out[i] = data[from];
  }
  return out;
}
