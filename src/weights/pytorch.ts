/** PyTorch checkpoints, zip and legacy: the tensors of a state dict, wherever it is wrapped. */
import { open, readFile, stat } from "node:fs/promises";
import { FileError } from "../errors.js";
import { PickleError, type PickleValue } from "../pickle/values.js";
import { fileError } from "../system/atomic-file.js";
import { quoted } from "../system/quoted.js";
import { ZipFile } from "../system/zip.js";
import {
  allocate,
  byteSize,
  type HostTensor,
  type NamedTensors,
  sizeOf,
  type TypedArray,
  viewOf,
} from "../tensor/index.js";
import { readTorchPickle, type Storage, TensorRef } from "./torch-pickle.js";

/** Where training programs put the weights, in the order of preference. */
const wrappers: readonly string[] = ["model", "state_dict", "state_dict_ema", "model_ema"];
const largestPickle = 64 * 2 ** 20;
/** Bytes of all tensors for each byte of the file; tensors that share their elements make it more than one. */
const largestExpansion = 4;

export interface PytorchOptions {
  /** Takes the averaged weights of a checkpoint that holds both. */
  readonly preferEma?: boolean;
}

/** All tensors by name. Throws FileError when the file is malformed or wants to construct anything else. */
export async function readPytorch(path: string, options: PytorchOptions = {}): Promise<NamedTensors> {
  const order = options.preferEma ? [...wrappers].reverse() : wrappers;
  try {
    const zip = (await firstBytes(path)).readUInt32BE(0) === 0x504b0304;
    return zip ? await readZip(path, order) : await readLegacy(path, order);
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

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path, "r").catch((error) => {
    throw fileError(path, "read", error);
  });
  try {
    const head = Buffer.alloc(4);
    await file.read(head, 0, 4, 0);
    return head;
  } finally {
    await file.close();
  }
}

type ReadStorage = (storage: Storage) => Promise<TypedArray>;

async function readZip(path: string, order: readonly string[]): Promise<NamedTensors> {
  const { size } = await stat(path);
  // Torch packs nothing, so what is larger than the file is no checkpoint.
  const zip = await ZipFile.open(path, { totalBytes: size });
  try {
    for (const { name, method } of zip.entries.values())
      if (method !== "stored")
        throw new PickleError(`holds the compressed entry ${quoted(name)}, which torch never writes`);
    const pickle = [...zip.entries.keys()].find((name) => /^[^/]*\/?data\.pkl$/.test(name));
    if (!pickle) throw new PickleError("holds no data.pkl, so it is no checkpoint");
    const root = pickle.slice(0, -"data.pkl".length);
    if (zip.entries.has(`${root}byteorder`) && (await zip.read(`${root}byteorder`, 16)).toString() !== "little") {
      throw new PickleError("was written on a big-endian machine");
    }
    const { value } = readTorchPickle(await zip.read(pickle, largestPickle));
    return await collect(tensorsIn(value, order), size, async ({ dtype, key, length }) => {
      const entry = zip.entries.get(`${root}data/${key}`);
      if (!entry) throw new PickleError(`lacks the storage ${quoted(key)}`);
      if (entry.size !== length * byteSize(dtype))
        throw new PickleError(`has ${entry.size} bytes for ${length} elements of ${dtype}`);
      return aligned(await zip.read(entry.name, size), dtype, length);
    });
  } finally {
    await zip.close();
  }
}

/** Before PyTorch 1.6: pickles one after the other, then the storages. */
async function readLegacy(path: string, order: readonly string[]): Promise<NamedTensors> {
  const { size } = await stat(path);
  if (size > 2 ** 31) throw new PickleError("is over 2 GiB in the old format");
  const bytes = await readFile(path);
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
  for (const key of keys.value) {
    const storage = typeof key === "string" ? content.storages.get(key) : undefined;
    if (!storage) throw new PickleError("holds a storage that no tensor names");
    if (at + 8 > bytes.length || Number(bytes.readBigInt64LE(at)) !== storage.length)
      throw new PickleError("has storages of other lengths than it says");
    positions.set(storage.key, at + 8);
    at += 8 + storage.length * byteSize(storage.dtype);
    if (at > bytes.length) throw new PickleError("is cut short in its storages");
  }
  return collect(tensorsIn(content.value, order), size, async ({ dtype, key, length }) => {
    const from = positions.get(key);
    if (from === undefined) throw new PickleError(`lacks the storage ${quoted(key)}`);
    return aligned(bytes.subarray(from, from + length * byteSize(dtype)), dtype, length);
  });
}

/** A copy in memory of its own, so that it starts where its element type may. */
function aligned(bytes: Uint8Array, dtype: Storage["dtype"], length: number): TypedArray {
  return viewOf(dtype, new Uint8Array(bytes).buffer, 0, length);
}

function tensorsIn(value: PickleValue, order: readonly string[]): Map<string, TensorRef> {
  let dict = value;
  for (const name of order) {
    const inner = dict instanceof Map ? dict.get(name) : undefined;
    if (inner instanceof Map) {
      dict = inner;
      break;
    }
  }
  const tensors = new Map<string, TensorRef>();
  if (dict instanceof Map)
    for (const [k, v] of dict) if (typeof k === "string" && v instanceof TensorRef) tensors.set(k, v);
  if (tensors.size === 0) throw new PickleError("holds no tensors by name (nor under model, state_dict or model_ema)");
  return tensors;
}

async function collect(refs: ReadonlyMap<string, TensorRef>, size: number, read: ReadStorage): Promise<NamedTensors> {
  let bytes = 0;
  for (const { shape, storage } of refs.values()) bytes += sizeOf(shape) * byteSize(storage.dtype);
  if (bytes > size * largestExpansion)
    throw new PickleError(`wants ${bytes} bytes for its tensors, but has only ${size}`);
  const left = new Map<Storage, number>();
  for (const { storage } of refs.values()) left.set(storage, (left.get(storage) ?? 0) + 1);
  const shared = new Map<Storage, TypedArray>();
  const result = new Map<string, HostTensor>();
  for (const [name, ref] of refs) {
    const { storage, shape } = ref;
    const data = shared.get(storage) ?? (await read(storage));
    const others = left.get(storage)! - 1;
    left.set(storage, others);
    if (others > 0) shared.set(storage, data);
    else shared.delete(storage);
    result.set(name, { dtype: storage.dtype, shape, data: gatherElements(ref, data, others === 0) });
  }
  return result;
}

/** The tensor's elements in row-major order, copied out of its storage along its strides unless it is `last` to need it. */
function gatherElements({ storage, offset, shape, stride }: TensorRef, data: TypedArray, last: boolean): TypedArray {
  const n = sizeOf(shape);
  let expected = 1;
  let contiguous = true;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && stride[i] !== expected) contiguous = false;
    expected *= shape[i];
  }
  if (contiguous) return last && n === data.length ? data : data.slice(offset, offset + n);
  // A stride of 0 repeats one element without end; nothing sound is larger than its storage.
  if (n > storage.length) throw new PickleError("holds a tensor larger than its storage");
  const out = allocate(storage.dtype, n);
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
