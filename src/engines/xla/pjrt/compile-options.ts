/** Compile options as XLA's protocol buffer (field numbers from compile_options.proto and xla_data.proto). */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** A flag of XLA's debug options for one program, as XLA_FLAGS would set it for all. */
export type XlaFlag = string | number | boolean;

export interface PjrtCompileOptions {
  /** Number of devices over which the compiler splits the program (SPMD; default: 1). */
  readonly partitions?: number;
  /** Replicas of the program that run in parallel and communicate by collectives (default: 1). */
  readonly replicas?: number;
  /** Device ids, replica by replica (default: the client's first devices). */
  readonly devices?: readonly number[];
  /** Flags by name without dashes, such as `xla_cpu_enable_fast_math`. */
  readonly flags?: Readonly<Record<string, XlaFlag>>;
}

/** Bytes of a CompileOptionsProto. Equal options yield equal bytes, so they can be part of a cache key. */
export function encodeCompileOptions({
  partitions = 1,
  replicas = 1,
  devices = Array.from({ length: partitions * replicas }, (_, i) => i),
  flags = {},
}: PjrtCompileOptions): Uint8Array {
  const w = new BinaryWriter();
  w.tag(3, WireType.LengthDelimited).fork();
  w.tag(4, WireType.Varint).int64(replicas);
  w.tag(5, WireType.Varint).int64(partitions);
  w.tag(6, WireType.Varint).bool(partitions > 1);
  w.tag(9, WireType.LengthDelimited).fork();
  w.tag(1, WireType.Varint).int32(replicas);
  w.tag(2, WireType.Varint).int32(partitions);
  for (let partition = 0; partition < partitions; partition++) {
    const ids = Array.from({ length: replicas }, (_, replica) => devices[replica * partitions + partition]);
    w.tag(3, WireType.LengthDelimited).fork();
    w.tag(1, WireType.LengthDelimited).fork();
    for (const id of ids) w.int64(id);
    w.join();
    w.join();
  }
  w.join();
  // Shardy, which reads the text's sdy.sharding attributes.
  w.tag(19, WireType.Varint).bool(partitions > 1);
  w.join();
  for (const name of Object.keys(flags).sort()) {
    w.tag(7, WireType.LengthDelimited).fork();
    w.tag(1, WireType.LengthDelimited).string(name);
    w.tag(2, WireType.LengthDelimited).fork();
    writeFlag(w, flags[name]);
    w.join();
    w.join();
  }
  return w.finish();
}

function writeFlag(w: BinaryWriter, value: XlaFlag): void {
  if (typeof value === "string") w.tag(1, WireType.LengthDelimited).string(value);
  else if (typeof value === "boolean") w.tag(2, WireType.Varint).bool(value);
  else if (Number.isInteger(value)) w.tag(3, WireType.Varint).int64(value);
  else w.tag(4, WireType.Bit64).double(value);
}
