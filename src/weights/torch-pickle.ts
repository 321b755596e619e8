/** PyTorch's pickles: descriptions of tensors whose elements lie elsewhere in the file. */
import { readPickle } from "../pickle/pickle.js";
import { Callable, type Imports, isCount, PickleError, PickleObject, type PickleValue } from "../pickle/values.js";
import { quoted } from "../system/quoted.js";
import type { DType } from "../tensor/index.js";

/** Elements that lie elsewhere in the file. */
export class Storage extends PickleObject {
  constructor(
    readonly dtype: DType,
    readonly key: string,
    readonly length: number,
  ) {
    super();
  }
}

/** A tensor: a strided view of a storage, in elements. */
export class TensorRef extends PickleObject {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly stride: readonly number[],
  ) {
    super();
  }
}

class DtypeRef extends PickleObject {
  constructor(readonly name: string) {
    super();
  }
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

export interface TorchPickle {
  readonly value: PickleValue;
  /** Where the pickle ends in its bytes. */
  readonly end: number;
  /** Every storage it names, by key. */
  readonly storages: ReadonlyMap<string, Storage>;
}

/** Reads one pickle from `bytes` at `start`. Throws PickleError, and nothing else, when it is not sound. */
export function readTorchPickle(bytes: Uint8Array, start = 0): TorchPickle {
  const storages = new Map<string, Storage>();
  const persistent = (id: PickleValue): Storage => {
    const named = storageOf(id);
    // One storage per key, however often it is named; it cannot have two types or lengths.
    const known = storages.get(named.key) ?? named;
    if (known.dtype !== named.dtype || known.length !== named.length)
      throw new PickleError(`gives the storage ${quoted(named.key)} two types or lengths`);
    storages.set(named.key, known);
    return known;
  };
  return { ...readPickle(bytes, { start, imports, persistent }), storages };
}

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

const functions: Readonly<Record<string, (args: readonly PickleValue[]) => PickleValue>> = {
  "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, stride]) => tensorRef(storage, offset, shape, stride),
  "torch._utils._rebuild_parameter": ([tensor]) => tensor,
  "torch.Size": ([sizes]) => sizes,
  "torch.device": ([name]) => name,
  // Settings of a training program: read as a plain map.
  "argparse.Namespace": () => new Map(),
};

const imports: Imports = (module, name) => {
  const full = `${module}.${name}`;
  if (module === "torch" && Object.hasOwn(storageTypes, name)) return new StorageType(full, storageTypes[name]);
  if (module === "torch" && /^(float|bfloat|int|uint|bool)\d*$/.test(name)) return new DtypeRef(name);
  return Object.hasOwn(functions, full) ? new Callable(full, functions[full]) : undefined;
};

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
function storageOf(id: PickleValue): Storage {
  if (Array.isArray(id) && id[0] === "storage") {
    const [, type, key, , length, view] = id;
    const whole = view === undefined || view === null;
    if (type instanceof StorageType && typeof key === "string" && isCount(length) && whole) {
      return new Storage(type.dtype, key, length);
    }
  }
  throw new PickleError("refers to something outside that is no plain storage");
}
