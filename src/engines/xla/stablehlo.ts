/** Writes a program as StableHLO text for a PJRT plugin. */
import { EngineError } from "../../errors/errors.js";
import {
  applies,
  type DType,
  isFloat,
  type Program,
  primitives,
  type Shape,
  sizeOf,
  type Tensor,
  type TensorType,
  topologicalOrder,
} from "../../tensor/index.js";
import type { StablehloEmitter } from "../../tensor/lowering.js";
import type { Mesh } from "./mesh.js";
import { Operations } from "./operations.js";

export interface StablehloOptions {
  /** Devices the program is split over; the batch must be divisible by their number. */
  readonly mesh: Mesh;
}

const elementTypes: Readonly<Record<DType, string>> = {
  float64: "f64",
  float32: "f32",
  float16: "f16",
  bfloat16: "bf16",
  int64: "i64",
  int32: "i32",
  uint32: "ui32",
  int16: "i16",
  int8: "i8",
  uint8: "ui8",
  bool: "i1",
};

/**
 * The module's text. Arguments and results are in the program's order. State that the program updates donates its
 * memory to its new value; with several devices, inputs and outputs declare how they are split, and the compiler does
 * the rest. `program` must be simplified for "stablehlo".
 */
export function stablehloText(program: Program, { mesh }: StablehloOptions): string {
  const writer = new Writer(program);
  const inputs = program.inputs.map((input, i) => {
    const target = program.outputs.findIndex((o) => o.updates === input.name);
    const attributes = [
      ...(target >= 0 && input.role === "state" ? [`tf.aliasing_output = ${target} : i32`] : []),
      ...mesh.attribute(program, input, input.role === "state" ? input.name : undefined),
    ];
    return `%arg${i}: ${tensorType(input)}${attributeList(attributes)}`;
  });
  const values = program.outputs.map((o) => writer.value(o.tensor));
  const results = program.outputs.map(({ name, tensor, sharding, updates }) => {
    const attributes = mesh.attribute(program, { name, sharding, shape: tensor.shape }, updates);
    return `${tensorType(tensor)}${attributeList(attributes)}`;
  });
  const types = program.outputs.map((o) => tensorType(o.tensor));
  return `module @${program.name.replaceAll(/\W/g, "_")} attributes {mhlo.num_partitions = ${mesh.size} : i32, mhlo.num_replicas = 1 : i32} {
${mesh.declaration}func.func public @main(${inputs.join(",\n    ")}) -> (${results.join(",\n    ")}) {
${writer.lines.join("\n")}
  func.return ${values.join(", ")} : ${types.join(", ")}
}
}
`;
}

/** `tensor<2x3xf32>`. */
function tensorType({ dtype, shape }: TensorType): string {
  return `tensor<${[...shape, elementTypes[dtype]].join("x")}>`;
}

function attributeList(attributes: readonly string[]): string {
  return attributes.length === 0 ? "" : ` {${attributes.join(", ")}}`;
}

class Writer extends Operations implements StablehloEmitter<Tensor> {
  readonly #values = new Map<Tensor, string>();
  readonly #constants = new Map<string, string>();
  readonly #arguments: ReadonlyMap<string, string>;

  constructor(program: Program) {
    super("%", "  ");
    this.#arguments = new Map(program.inputs.map((input, i) => [input.name, `%arg${i}`]));
  }

  value(t: Tensor): string {
    const known = this.#values.get(t);
    if (known !== undefined) return known;
    // Inputs first, by an explicit walk, so that deep graphs do not need a deep stack.
    for (const node of topologicalOrder([t], { has: (n) => this.#values.has(n.outputs[0]) })) {
      const names = applies(primitives.input, node)
        ? [this.#arguments.get(node.attributes.name)!]
        : node.primitive.stablehlo?.(node, this);
      if (!names) {
        throw new EngineError(`The XLA engine has no lowering for "${node.primitive.name}"; this is a bug in deit.`);
      }
      node.outputs.forEach((out, i) => {
        this.#values.set(out, names[i]);
      });
    }
    return this.#values.get(t)!;
  }

  type(type: TensorType): string {
    return tensorType(type);
  }

  constant(type: TensorType, values: readonly number[]): string {
    const key = `${tensorType(type)}:${values.map((v) => (Object.is(v, -0) ? "-0" : v)).join()}`;
    let name = this.#constants.get(key);
    if (name === undefined) {
      name = this.#writeConstant(type, values);
      this.#constants.set(key, name);
    }
    return name;
  }

  #writeConstant(type: TensorType, values: readonly number[]): string {
    const narrow = type.dtype === "bfloat16" || type.dtype === "float16";
    const wide: TensorType = narrow ? { dtype: "float32", shape: type.shape } : type;
    const name = this.op(`stablehlo.constant dense<${elements(wide, values)}> : ${tensorType(wide)}`);
    return narrow ? this.op(`stablehlo.convert ${name} : (${tensorType(wide)}) -> ${tensorType(type)}`) : name;
  }
}

/** A splat, or all elements: floats by their bits, so that precision and infinities are preserved. */
function elements({ dtype, shape }: TensorType, values: readonly number[]): string {
  if (values.length === 0) return "";
  if (values.length === 1) return element(dtype, values[0]);
  if (values.length !== sizeOf(shape))
    throw new EngineError("A constant has the wrong number of values; this is a bug in deit.");
  if (dtype !== "float32")
    return nested(
      values.map((v) => element(dtype, v)),
      shape,
    );
  return `"0x${Buffer.from(Float32Array.from(values).buffer).toString("hex").toUpperCase()}"`;
}

function element(dtype: DType, value: number): string {
  if (dtype === "bool") return value ? "true" : "false";
  if (!isFloat(dtype)) return String(value);
  const bits = Buffer.alloc(8);
  if (dtype === "float64") bits.writeDoubleBE(value);
  else bits.writeFloatBE(value);
  return `0x${bits.toString("hex", 0, dtype === "float64" ? 8 : 4).toUpperCase()}`;
}

/** Elements in brackets, row-major: `[[a, b], [c, d]]`. */
function nested(values: readonly string[], shape: Shape): string {
  let rows = [...values];
  for (const size of [...shape].reverse()) {
    rows = Array.from({ length: rows.length / size }, (_, i) => `[${rows.slice(i * size, (i + 1) * size).join(", ")}]`);
  }
  return rows[0];
}
