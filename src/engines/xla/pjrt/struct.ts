/** Structures of the PJRT C API in memory: typed field access over the generated offsets. */
import koffi from "koffi";
import { type FieldKind, pjrtStructs } from "../pjrt-api.generated.js";

export type StructName = keyof typeof pjrtStructs;
export type FieldName<S extends StructName> = Exclude<keyof (typeof pjrtStructs)[S]["fields"], "struct_size">;

/** A native address. */
export type Pointer = bigint;
/** Memory that this process owns; a field set to it contains its address, and it lives as long as the structure. */
export type Memory = ArrayBufferView | Struct<StructName>;
/** Several of them; a field set to these points to an array of their addresses. */
export type MemoryList = readonly Memory[];
export type FieldValue = Pointer | number | boolean | Memory | MemoryList;

/** One structure, zeroed except for its `struct_size` and the given fields. */
export class Struct<S extends StructName> {
  readonly bytes: Buffer;
  readonly #fields: Readonly<Record<string, readonly [number, FieldKind]>>;
  /** Memory reachable by native code through this structure must not be garbage-collected before it. */
  readonly #kept: Memory[] = [];

  constructor(name: S, values: Partial<Record<FieldName<S>, FieldValue>> = {}) {
    const { size, fields } = pjrtStructs[name];
    this.#fields = fields;
    // Native code may read the whole last word of a structure even if its last field is shorter.
    this.bytes = Buffer.alloc(Math.ceil(size / 8) * 8);
    this.bytes.writeBigUInt64LE(BigInt(size), 0);
    for (const [field, value] of Object.entries(values)) this.set(field as FieldName<S>, value as FieldValue);
  }

  set(field: FieldName<S>, value: FieldValue): void {
    const [at, kind] = this.#fields[field as string];
    if (isList(value)) {
      this.keep(...value).set(field, pointerArray(value.map(addressOf)));
      return;
    }
    if (typeof value === "object") {
      this.#kept.push(value);
      this.bytes.writeBigUInt64LE(addressOf(value), at);
      return;
    }
    switch (kind) {
      case "pointer":
      case "uint64":
        this.bytes.writeBigUInt64LE(BigInt(value), at);
        break;
      case "int64":
        this.bytes.writeBigInt64LE(BigInt(value), at);
        break;
      case "int32":
        this.bytes.writeInt32LE(Number(value), at);
        break;
      case "uint32":
        this.bytes.writeUInt32LE(Number(value), at);
        break;
      case "float":
        this.bytes.writeFloatLE(Number(value), at);
        break;
      default:
        this.bytes.writeUInt8(Number(value), at);
    }
  }

  /** Keeps memory alive as long as the structure, for addresses stored inside memory that a field points to. */
  keep(...memory: MemoryList): this {
    this.#kept.push(...memory);
    return this;
  }

  pointer(field: FieldName<S>): Pointer {
    return this.bytes.readBigUInt64LE(this.#fields[field as string][0]);
  }

  number(field: FieldName<S>): number {
    return readNumber(this.bytes, this.#fields[field as string]);
  }

  flag(field: FieldName<S>): boolean {
    return this.bytes[this.#fields[field as string][0]] !== 0;
  }

  /** A string given as a pointer field and a length field, copied. */
  string(pointer: FieldName<S>, length: FieldName<S>): string {
    return readBytes(this.pointer(pointer), this.number(length)).toString("utf8");
  }
}

const isList = (value: FieldValue): value is MemoryList => Array.isArray(value);

/** Fields of a structure that native code owns, read once. */
export function readStruct<S extends StructName>(name: S, at: Pointer): Struct<S> {
  const copy = new Struct(name);
  readBytes(at, pjrtStructs[name].size).copy(copy.bytes);
  return copy;
}

export function addressOf(memory: Memory): Pointer {
  return koffi.address(memory instanceof Struct ? memory.bytes : memory);
}

/** Addresses as an array of pointers. */
export function pointerArray(pointers: readonly Pointer[]): BigUint64Array {
  return BigUint64Array.from(pointers);
}

/** A copy of `length` bytes of native memory. */
export function readBytes(at: Pointer, length: number): Buffer {
  return length === 0 ? Buffer.alloc(0) : Buffer.from(Buffer.from(koffi.view(at, length)));
}

/** A copy of `count` pointers. */
export function readPointers(at: Pointer, count: number): Pointer[] {
  const bytes = readBytes(at, count * 8);
  return Array.from({ length: count }, (_, i) => bytes.readBigUInt64LE(i * 8));
}

function readNumber(bytes: Buffer, [at, kind]: readonly [number, FieldKind]): number {
  switch (kind) {
    case "int32":
      return bytes.readInt32LE(at);
    case "uint32":
      return bytes.readUInt32LE(at);
    case "float":
      return bytes.readFloatLE(at);
    case "int64":
      return Number(bytes.readBigInt64LE(at));
    case "bool":
    case "uint8":
      return bytes[at];
    default:
      return Number(bytes.readBigUInt64LE(at));
  }
}

/** Sets a field of pointer size in a structure that native code owns. */
export function writeField<S extends StructName>(name: S, at: Pointer, field: FieldName<S>, value: Pointer): void {
  const [offset] = (pjrtStructs[name].fields as Readonly<Record<string, readonly [number, FieldKind]>>)[
    field as string
  ];
  Buffer.from(koffi.view(at + BigInt(offset), 8)).writeBigUInt64LE(value);
}
