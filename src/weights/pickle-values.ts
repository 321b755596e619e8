/** What a Python pickle may hold and import here: plain containers, and tensors whose elements lie elsewhere. */
import { quoted } from "../system/quoted.js";
import type { DType } from "../tensor/index.js";

/** A pickle that is malformed, or wants something that is not allowed. The message completes "the file …". */
export class PickleError extends Error {}

/** A value a pickle can hold. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Storage
  | TensorRef
  | Callable
  | DtypeRef;

/** Elements that lie elsewhere in the file. */
export class Storage {
  constructor(
    readonly dtype: DType,
    readonly key: string,
    readonly length: number,
  ) {}
}

/** A tensor: a strided view of a storage, in elements. */
export class TensorRef {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly stride: readonly number[],
  ) {}
}

/** Something from the list of what may be called or named. */
export class Callable {
  constructor(
    readonly name: string,
    readonly call: (args: readonly PickleValue[]) => PickleValue,
  ) {}
}

class DtypeRef {
  constructor(readonly name: string) {}
}

/** The class of a storage: its element type. */
class StorageType extends Callable {
  constructor(
    name: string,
    readonly dtype: DType,
  ) {
    super(name, () => {
      throw new PickleError(`wants to construct "${name}" directly`);
    });
  }
}

/** Longest name that may be imported; messages quote it. */
const maxNameLength = 65_536;

const storageTypes: Readonly<Record<string, DType>> = {
  DoubleStorage: "float64",
  FloatStorage: "float32",
  HalfStorage: "float16",
  BFloat16Storage: "bfloat16",
  LongStorage: "int64",
  IntStorage: "int32",
  ShortStorage: "int16",
  CharStorage: "int8",
  ByteStorage: "uint8",
  BoolStorage: "bool",
};

/** All that a pickle may import. */
export function importName(module: string, name: string): PickleValue {
  const full = `${module}.${name}`;
  if (full.length > maxNameLength) throw new PickleError("names something of an impossible length");
  if (module === "torch" && Object.hasOwn(storageTypes, name)) return new StorageType(full, storageTypes[name]);
  if (module === "torch" && /^(float|bfloat|int|uint|bool)\d*$/.test(name)) return new DtypeRef(name);
  if (!Object.hasOwn(allowed, full)) {
    throw new PickleError(
      `wants to construct ${quoted(full)}, which is not allowed (only tensors and plain containers are)`,
    );
  }
  return new Callable(full, allowed[full]);
}

const allowed: Readonly<Record<string, (args: readonly PickleValue[]) => PickleValue>> = {
  "collections.OrderedDict": ([items]) => new Map(pairs(items)),
  "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, stride]) => tensorRef(storage, offset, shape, stride),
  "torch._utils._rebuild_parameter": ([tensor]) => tensor,
  "torch.Size": ([sizes]) => sizes,
  "torch.device": ([name]) => name,
  "builtins.set": ([items]) => items ?? [],
  // Its name, and that of bytes' encoding, in the protocol torch writes.
  "__builtin__.set": ([items]) => items ?? [],
  "_codecs.encode": ([text]) => latin1(text),
  "builtins.list": ([items]) => items ?? [],
  "builtins.dict": () => new Map(),
  // Settings of a training program: read as a plain map.
  "argparse.Namespace": () => new Map(),
};

function pairs(items: PickleValue | undefined): [PickleValue, PickleValue][] {
  if (items === undefined) return [];
  if (!Array.isArray(items) || !items.every((p) => Array.isArray(p) && p.length === 2))
    throw new PickleError("holds a malformed dictionary");
  return items as [PickleValue, PickleValue][];
}

function latin1(text: PickleValue | undefined): Uint8Array {
  if (typeof text !== "string") throw new PickleError("encodes something that is no text");
  return new Uint8Array(Buffer.from(text, "latin1"));
}

const isCount = (v: unknown): v is number => typeof v === "number" && Number.isSafeInteger(v) && v >= 0;

function tensorRef(storage: PickleValue, offset: PickleValue, shape: PickleValue, stride: PickleValue): TensorRef {
  const counts = (v: PickleValue): v is number[] => Array.isArray(v) && v.length <= 64 && v.every(isCount);
  if (
    !(storage instanceof Storage) ||
    !isCount(offset) ||
    !counts(shape) ||
    !counts(stride) ||
    shape.length !== stride.length
  ) {
    throw new PickleError("holds a malformed tensor");
  }
  const last = shape.includes(0) ? -1 : shape.reduce((sum, d, i) => sum + (d - 1) * stride[i], offset);
  if (last >= storage.length) throw new PickleError("holds a tensor that reaches beyond its storage");
  return new TensorRef(storage, offset, shape, stride);
}

/** ("storage", type, key, device, length[, view]): elements that lie elsewhere in the file. */
export function persistent(id: PickleValue): Storage {
  if (Array.isArray(id) && id[0] === "storage") {
    const [, type, key, , length, view] = id;
    const whole = view === undefined || view === null;
    if (type instanceof StorageType && typeof key === "string" && isCount(length) && whole) {
      return new Storage(type.dtype, key, length);
    }
  }
  throw new PickleError("refers to something outside that is no plain storage");
}
