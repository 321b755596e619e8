/** PyTorch's pickles: descriptions of tensors whose elements are elsewhere in the file. */

import { quoted } from "../../errors/quoted.js";
import { byteSize, type DType } from "../../tensor/index.js";
import { readPickle } from "./pickle.js";
import { Callable, type Imports, isCount, PickleError, PickleObject, type PickleValue } from "./values.js";

/** The type of elements in a file; without a `dtype` it is not supported. */
export interface ElementType {
  readonly name: string;
  /** Bytes of an element. */
  readonly size: number;
  readonly dtype?: DType;
}

/** Elements stored elsewhere in the file. */
export class Storage extends PickleObject {
  constructor(
    readonly type: ElementType,
    readonly key: string,
    readonly length: number,
  ) {
    super();
  }

  get bytes(): number {
    return this.length * this.type.size;
  }
}

/** A tensor: a strided view of a storage, in elements. */
export class TensorRef extends PickleObject {
  constructor(
    readonly storage: Storage,
    readonly type: ElementType,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly stride: readonly number[],
    /** Whether the elements are stored with the opposite sign. */
    readonly negated: boolean,
  ) {
    super();
  }
}

/** A tensor of an unsupported kind: without elements in the file, or without one for each position. */
export class OtherTensor extends PickleObject {
  constructor(readonly kind: string) {
    super();
  }
}

class DtypeRef extends PickleObject {
  constructor(readonly type: ElementType) {
    super();
  }
}

/** The class of a storage: its element type. */
class StorageType extends Callable {
  constructor(
    name: string,
    readonly type: ElementType,
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
  /** All storages that it refers to, by key. */
  readonly storages: ReadonlyMap<string, Storage>;
}

/** Reads one pickle from `bytes` at `start`. Throws only PickleError, if it is malformed. */
export function readTorchPickle(bytes: Uint8Array, start = 0): TorchPickle {
  const storages = new Map<string, Storage>();
  const persistent = (id: PickleValue): Storage => {
    const named = storageOf(id);
    // One storage per key, however often it is referenced; it cannot have two types or lengths.
    const known = storages.get(named.key) ?? named;
    if (known.type !== named.type || known.length !== named.length)
      throw new PickleError(`gives the storage ${quoted(named.key)} two types or lengths`);
    storages.set(named.key, known);
    return known;
  };
  return { ...readPickle(bytes, { start, imports, persistent, unknown: "inert" }), storages };
}

const read = (dtype: DType): ElementType => ({ name: dtype, size: byteSize(dtype), dtype });
const unread = (name: string, size: number): ElementType => ({ name, size });

const types = {
  float64: read("float64"),
  float32: read("float32"),
  float16: read("float16"),
  bfloat16: read("bfloat16"),
  int64: read("int64"),
  int32: read("int32"),
  int16: read("int16"),
  int8: read("int8"),
  uint8: read("uint8"),
  uint32: read("uint32"),
  bool: read("bool"),
  uint16: unread("uint16", 2),
  uint64: unread("uint64", 8),
  complex32: unread("complex32", 4),
  complex64: unread("complex64", 8),
  complex128: unread("complex128", 16),
  float8_e4m3fn: unread("float8_e4m3fn", 1),
  float8_e4m3fnuz: unread("float8_e4m3fnuz", 1),
  float8_e5m2: unread("float8_e5m2", 1),
  float8_e5m2fnuz: unread("float8_e5m2fnuz", 1),
  float8_e8m0fnu: unread("float8_e8m0fnu", 1),
  quint8: unread("quint8", 1),
  qint8: unread("qint8", 1),
  qint32: unread("qint32", 4),
  /** Bytes whose type is given by the tensor. */
  untyped: unread("bytes", 1),
} as const;

/** The types that `torch.NAME` may mean, including PyTorch's aliases. */
const dtypes: Readonly<Record<string, ElementType>> = {
  ...types,
  float: types.float32,
  double: types.float64,
  half: types.float16,
  long: types.int64,
  int: types.int32,
  short: types.int16,
};

const storageTypes: Readonly<Record<string, ElementType>> = {
  DoubleStorage: types.float64,
  FloatStorage: types.float32,
  HalfStorage: types.float16,
  BFloat16Storage: types.bfloat16,
  LongStorage: types.int64,
  IntStorage: types.int32,
  ShortStorage: types.int16,
  CharStorage: types.int8,
  ByteStorage: types.uint8,
  BoolStorage: types.bool,
  ComplexFloatStorage: types.complex64,
  ComplexDoubleStorage: types.complex128,
  QUInt8Storage: types.quint8,
  QInt8Storage: types.qint8,
  QInt32Storage: types.qint32,
};

type Make = (args: readonly PickleValue[]) => PickleValue;
const other =
  (kind: string): Make =>
  () =>
    new OtherTensor(kind);

const functions: Readonly<Record<string, Make>> = {
  "torch._utils._rebuild_tensor": ([storage, offset, shape, stride]) => tensorRef(storage, offset, shape, stride),
  "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, stride, , , metadata]) =>
    tensorRef(storage, offset, shape, stride, { metadata }),
  "torch._utils._rebuild_tensor_v3": ([storage, offset, shape, stride, , , dtype, metadata]) =>
    tensorRef(storage, offset, shape, stride, { dtype, metadata }),
  "torch._utils._rebuild_parameter": ([tensor]) => tensor,
  "torch._utils._rebuild_parameter_with_state": ([tensor]) => tensor,
  // (function, class, its arguments, attributes): a tensor of a subclass, or with attributes.
  "torch._tensor._rebuild_from_type_v2": ([rebuild, , args]) =>
    rebuild instanceof Callable && Array.isArray(args) ? rebuild.call(args) : new OtherTensor("a class of its own"),
  "torch._utils._rebuild_sparse_tensor": other("sparse"),
  "torch._utils._rebuild_sparse_csr_tensor": other("sparse"),
  "torch._utils._rebuild_nested_tensor": other("nested"),
  "torch._utils._rebuild_qtensor": other("quantised"),
  "torch._utils._rebuild_wrapper_subclass": other("part of a sharded one"),
  "torch._utils._rebuild_meta_tensor_no_storage": other("without elements (meta)"),
  "torch._utils._rebuild_device_tensor_from_numpy": other("of a device's own"),
  "torch.Size": ([sizes]) => sizes,
  "torch.device": ([name]) => name,
  // Settings of a training program: read as a plain map.
  "argparse.Namespace": () => new Map(),
  "types.SimpleNamespace": () => new Map(),
};

const imports: Imports = (module, name) => {
  const full = `${module}.${name}`;
  if (module === "torch" && Object.hasOwn(storageTypes, name)) return new StorageType(full, storageTypes[name]);
  if (full === "torch.storage.UntypedStorage") return new StorageType(full, types.untyped);
  if (module === "torch" && Object.hasOwn(dtypes, name)) return new DtypeRef(dtypes[name]);
  return Object.hasOwn(functions, full) ? new Callable(full, functions[full]) : undefined;
};

function tensorRef(
  storage: PickleValue,
  offset: PickleValue,
  shape: PickleValue,
  stride: PickleValue,
  { dtype, metadata }: { readonly dtype?: PickleValue; readonly metadata?: PickleValue } = {},
): TensorRef {
  const counts = (v: PickleValue): v is number[] => Array.isArray(v) && v.length <= 64 && v.every(isCount);
  if (
    !(storage instanceof Storage) ||
    !isCount(offset) ||
    !counts(shape) ||
    !counts(stride) ||
    shape.length !== stride.length ||
    !(dtype === undefined || dtype instanceof DtypeRef)
  ) {
    throw new PickleError("holds a malformed tensor");
  }
  const type = dtype?.type ?? storage.type;
  const last = shape.includes(0) ? -1 : shape.reduce((sum, d, i) => sum + (d - 1) * stride[i], offset);
  if (last >= Math.floor(storage.bytes / type.size))
    throw new PickleError("holds a tensor that reaches beyond its storage");
  const negated = metadata instanceof Map && metadata.get("neg") === true;
  return new TensorRef(storage, type, offset, shape, stride, negated);
}

/** ("storage", type, key, device, length[, view]): elements stored elsewhere in the file. */
function storageOf(id: PickleValue): Storage {
  if (Array.isArray(id) && id[0] === "storage") {
    const [, type, key, , length, view] = id;
    const whole = view === undefined || view === null;
    if (type instanceof StorageType && typeof key === "string" && isCount(length) && whole) {
      return new Storage(type.type, key, length);
    }
  }
  throw new PickleError("refers to something outside that is not a plain storage");
}
