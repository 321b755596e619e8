/** Named values: options given to a client, and attributes and properties that a plugin reports. */
import { pjrtEnums, pjrtStructs } from "../pjrt-api.generated.js";
import { type Pointer, readBytes, readStruct, Struct } from "./struct.js";

export type NamedValue = string | number | boolean | readonly number[];

const { size, fields } = pjrtStructs.NamedValue;
const types = pjrtEnums.NamedValue_Type;
/** Distance between values in an array: the size rounded up to the alignment, which is 8. */
const stride = Math.ceil(size / 8) * 8;
const union = fields.string_value[0];

/** The values as one array; `kept` is the memory it points to. */
export function encodeNamedValues(values: Readonly<Record<string, NamedValue>>): {
  array: Buffer;
  kept: Struct<"NamedValue">[];
} {
  const kept = Object.entries(values).map(([name, value]) => {
    const text = Buffer.from(name);
    const entry = new Struct("NamedValue", { name: text, name_size: text.length, value_size: 1 });
    if (typeof value === "string") {
      const bytes = Buffer.from(value);
      entry.set("type", types.String);
      entry.set("string_value", bytes);
      entry.set("value_size", bytes.length);
    } else if (typeof value === "boolean") {
      entry.set("type", types.Bool);
      entry.set("bool_value", value);
    } else if (typeof value === "number") {
      const whole = Number.isInteger(value);
      entry.set("type", whole ? types.Int64 : types.Float);
      entry.set(whole ? "int64_value" : "float_value", value);
    } else {
      const list = BigInt64Array.from(value, BigInt);
      entry.set("type", types.Int64List);
      entry.set("int64_array_value", list);
      entry.set("value_size", list.length);
    }
    return entry;
  });
  return { array: Buffer.concat(kept.map((entry) => entry.bytes)), kept };
}

/** Reads `count` values that native code owns. */
export function decodeNamedValues(at: Pointer, count: number): Map<string, NamedValue> {
  const values = new Map<string, NamedValue>();
  for (let i = 0; i < count; i++) {
    const entry = readStruct("NamedValue", at + BigInt(i * stride));
    values.set(entry.string("name", "name_size"), decodeValue(entry));
  }
  return values;
}

function decodeValue(entry: Struct<"NamedValue">): NamedValue {
  const length = entry.number("value_size");
  switch (entry.number("type")) {
    case types.String:
      return entry.string("string_value", "value_size");
    case types.Int64:
      return Number(entry.bytes.readBigInt64LE(union));
    case types.Float:
      return entry.bytes.readFloatLE(union);
    case types.Bool:
      return entry.flag("bool_value");
    default: {
      const bytes = readBytes(entry.pointer("int64_array_value"), length * 8);
      return Array.from({ length }, (_, i) => Number(bytes.readBigInt64LE(i * 8)));
    }
  }
}
