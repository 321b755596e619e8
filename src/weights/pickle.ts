/**
 * A reader of Python pickles that can build plain containers and descriptions of tensors, and nothing else. Whatever
 * a pickle asks to import beyond the short list below is refused by name; no code of a file is ever run.
 */
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
class Callable {
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
function importName(module: string, name: string): PickleValue {
  const full = `${module}.${name}`;
  if (module === "torch" && Object.hasOwn(storageTypes, name)) return new StorageType(full, storageTypes[name]);
  if (module === "torch" && /^(float|bfloat|int|uint|bool)\d*$/.test(name)) return new DtypeRef(name);
  const make = allowed[full];
  if (!make)
    throw new PickleError(`wants to construct "${full}", which is not allowed (only tensors and plain containers are)`);
  return new Callable(full, make);
}

const allowed: Readonly<Record<string, (args: readonly PickleValue[]) => PickleValue>> = {
  "collections.OrderedDict": ([items]) => new Map(pairs(items)),
  "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, stride]) => tensorRef(storage, offset, shape, stride),
  "torch._utils._rebuild_parameter": ([tensor]) => tensor,
  "torch.Size": ([sizes]) => sizes,
  "torch.device": ([name]) => name,
  "builtins.set": ([items]) => items ?? [],
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

function tensorRef(storage: PickleValue, offset: PickleValue, shape: PickleValue, stride: PickleValue): TensorRef {
  const counts = (v: PickleValue): v is number[] =>
    Array.isArray(v) && v.length <= 64 && v.every((n) => typeof n === "number" && Number.isSafeInteger(n) && n >= 0);
  if (
    !(storage instanceof Storage) ||
    typeof offset !== "number" ||
    !counts(shape) ||
    !counts(stride) ||
    shape.length !== stride.length
  ) {
    throw new PickleError("holds a malformed tensor");
  }
  const last = shape.includes(0) ? -1 : shape.reduce((sum, d, i) => sum + (d - 1) * stride[i], offset);
  if (!(offset >= 0) || last >= storage.length) throw new PickleError("holds a tensor that reaches beyond its storage");
  return new TensorRef(storage, offset, shape, stride);
}

const mark = Symbol("mark");
type Slot = PickleValue | typeof mark;

/** Reads one pickle from `bytes` at `start`; answers with its value and where it ends. */
export function readPickle(bytes: Uint8Array, start = 0): { value: PickleValue; end: number } {
  return new Machine(bytes, start).run();
}

class Machine {
  readonly #stack: Slot[] = [];
  readonly #memo = new Map<number, PickleValue>();
  readonly #view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    private at: number,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): { value: PickleValue; end: number } {
    for (;;) {
      const code = this.#byte();
      if (code === 0x2e) return { value: this.#pop(), end: this.at };
      this.#step(code);
    }
  }

  #step(code: number): void {
    const stack = this.#stack;
    switch (String.fromCharCode(code)) {
      case "\x80": // PROTO
        if (this.#byte() > 5) throw new PickleError("uses a pickle protocol above 5");
        return;
      case "\x95": // FRAME
        this.#skip(8);
        return;
      case "(":
        stack.push(mark);
        return;
      case "0":
        this.#pop();
        return;
      case "1":
        this.#popToMark();
        return;
      case "2":
        stack.push(this.#top());
        return;
      case "N":
        stack.push(null);
        return;
      case "\x88":
        stack.push(true);
        return;
      case "\x89":
        stack.push(false);
        return;
      case "J":
        stack.push(this.#view.getInt32(this.#skip(4), true));
        return;
      case "K":
        stack.push(this.#byte());
        return;
      case "M":
        stack.push(this.#view.getUint16(this.#skip(2), true));
        return;
      case "\x8a":
        stack.push(this.#long(this.#byte()));
        return;
      case "G":
        stack.push(this.#view.getFloat64(this.#skip(8), false));
        return;
      case "X":
        stack.push(this.#text(this.#u32()));
        return;
      case "\x8c":
      case "U":
        stack.push(this.#text(this.#byte()));
        return;
      case "T":
        stack.push(this.#text(this.#u32()));
        return;
      case "\x8d":
        stack.push(this.#text(this.#u64()));
        return;
      case "B":
        stack.push(this.#raw(this.#u32()));
        return;
      case "C":
        stack.push(this.#raw(this.#byte()));
        return;
      case "}":
        stack.push(new Map());
        return;
      case "]":
      case ")":
      case "\x8f":
        stack.push([]);
        return;
      case "t":
      case "l":
      case "\x91":
        stack.push(this.#popToMark());
        return;
      case "d":
        stack.push(new Map(chunked(this.#popToMark())));
        return;
      case "\x85":
      case "\x86":
      case "\x87":
        stack.push(this.#popMany(code - 0x84));
        return;
      case "a": {
        const item = this.#pop();
        this.#list().push(item);
        return;
      }
      case "e":
      case "\x90": {
        const items = this.#popToMark();
        const list = this.#list();
        for (const item of items) list.push(item);
        return;
      }
      case "s": {
        const [key, value] = this.#popMany(2);
        this.#map().set(key, value);
        return;
      }
      case "u": {
        const items = chunked(this.#popToMark());
        const map = this.#map();
        for (const [key, value] of items) map.set(key, value);
        return;
      }
      case "q":
        this.#memo.set(this.#byte(), this.#top());
        return;
      case "r":
        this.#memo.set(this.#u32(), this.#top());
        return;
      case "\x94":
        this.#memo.set(this.#memo.size, this.#top());
        return;
      case "h":
        stack.push(this.#recall(this.#byte()));
        return;
      case "j":
        stack.push(this.#recall(this.#u32()));
        return;
      case "c":
        stack.push(importName(this.#line(), this.#line()));
        return;
      case "\x93": {
        const [module, name] = this.#popMany(2);
        stack.push(importName(String(module), String(name)));
        return;
      }
      case "R":
      case "\x81": {
        const [callable, args] = this.#popMany(2);
        if (!(callable instanceof Callable) || !Array.isArray(args))
          throw new PickleError("calls something that is no function");
        stack.push(callable.call(args));
        return;
      }
      case "b":
        this.#build();
        return;
      case "Q":
        stack.push(persistent(this.#pop()));
        return;
      default:
        throw new PickleError(`holds the unknown pickle instruction 0x${code.toString(16)} at byte ${this.at - 1}`);
    }
  }

  /** State given to an object: kept for maps (settings), dropped for others (hooks and version marks of state dicts). */
  #build(): void {
    const state = this.#pop();
    const target = this.#top();
    if (target instanceof Map && target.size === 0 && state instanceof Map)
      for (const [k, v] of state) target.set(k, v);
  }

  #byte(): number {
    return this.bytes[this.#skip(1)];
  }

  /** Moves on by n bytes and returns where they begin. */
  #skip(n: number): number {
    const from = this.at;
    if (!(n >= 0) || from + n > this.bytes.length) throw new PickleError(`is cut short at byte ${from}`);
    this.at += n;
    return from;
  }

  #u32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  #u64(): number {
    return Number(this.#view.getBigUint64(this.#skip(8), true));
  }

  #raw(n: number): Uint8Array {
    const from = this.#skip(n);
    return Uint8Array.from(this.bytes.subarray(from, from + n));
  }

  #text(n: number): string {
    const from = this.#skip(n);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + from, n).toString("utf8");
  }

  /** A little-endian two's complement number; beyond 2⁵³ as bigint. */
  #long(n: number): number | bigint {
    const from = this.#skip(n);
    let value = 0n;
    for (let i = n - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.bytes[from + i]);
    if (n > 0 && this.bytes[from + n - 1] & 0x80) value -= 1n << BigInt(8 * n);
    const small = Number(value);
    return Number.isSafeInteger(small) ? small : value;
  }

  #line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new PickleError("is cut short in a name");
    const from = this.#skip(end - this.at + 1);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + from, end - from).toString("utf8");
  }

  #top(): PickleValue {
    const top = this.#stack.at(-1);
    if (top === undefined || top === mark) throw new PickleError("takes from an empty stack");
    return top as PickleValue;
  }

  #pop(): PickleValue {
    const top = this.#top();
    this.#stack.pop();
    return top;
  }

  #popMany(n: number): PickleValue[] {
    const items = Array.from({ length: n }, () => this.#pop());
    return items.reverse();
  }

  #popToMark(): PickleValue[] {
    const at = this.#stack.lastIndexOf(mark);
    if (at < 0) throw new PickleError("misses a mark on its stack");
    return this.#stack.splice(at).slice(1) as PickleValue[];
  }

  #list(): PickleValue[] {
    const top = this.#top();
    if (!Array.isArray(top)) throw new PickleError("appends to something that is no list");
    return top;
  }

  #map(): Map<PickleValue, PickleValue> {
    const top = this.#top();
    if (!(top instanceof Map)) throw new PickleError("sets an item of something that is no dictionary");
    return top;
  }

  #recall(index: number): PickleValue {
    const value = this.#memo.get(index);
    if (value === undefined) throw new PickleError("recalls what it never stored");
    return value;
  }
}

function chunked(items: readonly PickleValue[]): [PickleValue, PickleValue][] {
  if (items.length % 2 !== 0) throw new PickleError("holds a key without a value");
  return Array.from({ length: items.length / 2 }, (_, i) => [items[2 * i], items[2 * i + 1]]);
}

/** ("storage", type, key, device, length[, view]): elements that lie elsewhere in the file. */
function persistent(id: PickleValue): Storage {
  if (Array.isArray(id) && id[0] === "storage") {
    const [, type, key, , length, view] = id;
    const whole = view === undefined || view === null;
    if (type instanceof StorageType && typeof key === "string" && typeof length === "number" && length >= 0 && whole) {
      return new Storage(type.dtype, key, length);
    }
  }
  throw new PickleError("refers to something outside that is no plain storage");
}
