/** What a compiled program sends between devices, counted from its optimized form. */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { EngineError } from "../../errors/errors.js";

export interface Collective {
  /** "all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute". */
  readonly kind: string;
  readonly count: number;
  /** Bytes of their results on one device. A ring all-reduce over n devices sends 2 (n-1)/n of that from each. */
  readonly bytes: number;
}

const kinds = new Set(["all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute"]);

/** Bits of XLA's primitive types by number (xla_data.proto); types not listed have no size. */
const bits: Readonly<Record<number, number>> = {
  1: 8,
  2: 8,
  3: 16,
  4: 32,
  5: 64,
  6: 8,
  7: 16,
  8: 32,
  9: 64,
  10: 16,
  11: 32,
  12: 64,
  16: 16,
};

/** The collectives of a program by kind. `format` and `code` as returned by `LoadedExecutable.optimizedProgram`. */
export function collectives({ format, code }: { readonly format: string; readonly code: Uint8Array }): Collective[] {
  if (format !== "hlo" && format !== "hlo_with_config") {
    throw new EngineError(
      `The plugin writes optimized programs as "${format}", in which collectives cannot be counted.`,
    );
  }
  const found = new Map<string, { count: number; bytes: number }>();
  // Field numbers of hlo.proto: module 1, computations 3, instructions 2, opcode 2, shape 3.
  const [module] = format === "hlo" ? [code] : messages(code, 1);
  for (const computation of messages(module, 3)) {
    for (const instruction of messages(computation, 2)) {
      const opcode = Buffer.from(messages(instruction, 2)[0] ?? [])
        .toString("utf8")
        .replace(/-start$/, "");
      if (!kinds.has(opcode)) continue;
      const before = found.get(opcode) ?? { count: 0, bytes: 0 };
      const bytes = messages(instruction, 3).reduce((sum, shape) => sum + shapeBytes(shape), 0);
      found.set(opcode, { count: before.count + 1, bytes: before.bytes + bytes });
    }
  }
  return [...found].map(([kind, totals]) => ({ kind, ...totals }));
}

/** The length-delimited values of one field. */
function messages(bytes: Uint8Array, field: number): Uint8Array[] {
  const reader = new BinaryReader(bytes);
  const values: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === field && type === WireType.LengthDelimited) values.push(reader.bytes());
    else reader.skip(type);
  }
  return values;
}

/** ShapeProto: element type 2, dimensions 3 (packed), parts of a tuple 4. */
function shapeBytes(shape: Uint8Array): number {
  const reader = new BinaryReader(shape);
  let elementBits = 0;
  let elements = 1;
  let parts = 0;
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === 2) elementBits = bits[reader.int32()] ?? 0;
    else if (number === 3 && type === WireType.LengthDelimited) {
      const packed = new BinaryReader(reader.bytes());
      while (packed.pos < packed.len) elements *= Number(packed.int64());
    } else if (number === 4) parts += shapeBytes(reader.bytes());
    else reader.skip(type);
  }
  return parts + (elementBits * elements) / 8;
}
