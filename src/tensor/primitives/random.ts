/**
 * Uniform random numbers inside a program, a pure function of a seed that comes in as data and of the element's index:
 * the same on every engine, with no state to keep or restore.
 */
import { ShapeError } from "../../errors/errors.js";
import { apply, type Primitive, type Tensor } from "../graph.js";
import { type Shape, sizeOf } from "../host.js";
import type { OnnxEmitter, StablehloEmitter } from "../lowering.js";
import { describe } from "../tensor-type.js";

/** A 32-bit mixing function: xor-shift and multiply, twice. */
const rounds = [
  { shift: 16, multiplier: 0x7feb352d },
  { shift: 15, multiplier: 0x846ca68b },
] as const;
const lastShift = 16;

function mix(x: number): number {
  let h = x >>> 0;
  for (const { shift, multiplier } of rounds) h = Math.imul(h ^ (h >>> shift), multiplier) >>> 0;
  return (h ^ (h >>> lastShift)) >>> 0;
}

const golden = 0x9e3779b9;

const randomUniformPrimitive: Primitive<{ site: number; shape: readonly number[] }> = {
  name: "randomUniform",
  infer: ([seed], { shape }) => {
    if (seed.dtype !== "int32" || seed.shape.length !== 1 || seed.shape[0] !== 2) {
      throw new ShapeError(`randomUniform got a seed of ${describe(seed)}; it needs int32 [2].`);
    }
    return [{ dtype: "float32", shape }];
  },
  evaluate: ([seed], { site, shape }) => [
    Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
      const start = (seed.data[0] + Math.imul(site + 1, golden)) >>> 0;
      return (mix(mix(i + start) ^ seed.data[1]) >>> 8) / 2 ** 24;
    }),
  ],
  onnx: (node, emit) => onnxUniform(emit.value(node.inputs[0]), node.attributes, emit),
  stablehlo: (node, emit) => stablehloUniform(node.inputs[0], node.attributes, emit),
};

/** ONNX Runtime's CPU operators have no 32-bit wrap-around, so 32-bit words are kept in int64 and masked. */
function onnxUniform(
  seed: string,
  { site, shape }: { site: number; shape: readonly number[] },
  emit: OnnxEmitter<Tensor>,
): readonly string[] {
  const long = (v: number) => emit.constant("int64", [v]);
  const mask = (x: string) => emit.op("BitwiseAnd", [x, long(0xffffffff)])[0];
  const xor = (a: string, b: string) => emit.op("BitwiseXor", [a, b])[0];
  const shiftRight = (x: string, by: number) => emit.op("Div", [x, long(2 ** by)])[0];
  const mixed = (x: string) => {
    let h = x;
    for (const { shift, multiplier } of rounds)
      h = mask(emit.op("Mul", [xor(h, shiftRight(h, shift)), long(multiplier)])[0]);
    return xor(h, shiftRight(h, lastShift));
  };
  const words = emit.op("Cast", [seed], { attributes: { to: { int: emit.dtypeCode("int64") } } })[0];
  const word = (i: number) => mask(emit.op("Gather", [words, long(i)], { attributes: { axis: { int: 0 } } })[0]);
  const start = mask(emit.op("Add", [word(0), long(Math.imul(site + 1, golden) >>> 0)])[0]);
  const end = emit.op("Add", [start, long(sizeOf(shape))])[0];
  const index = mask(emit.op("Range", [start, end, long(1)])[0]);
  const bits = mixed(xor(mixed(index), word(1)));
  const float = emit.op("Cast", [shiftRight(bits, 8)], { attributes: { to: { int: emit.dtypeCode("float32") } } })[0];
  const uniform = emit.op("Mul", [float, emit.constant("float32", [2 ** -24])])[0];
  return emit.op("Reshape", [uniform, emit.ints(shape)]);
}

function stablehloUniform(
  seed: Tensor,
  { site, shape }: { site: number; shape: readonly number[] },
  emit: StablehloEmitter<Tensor>,
): readonly string[] {
  const n = sizeOf(shape);
  const type = emit.type({ dtype: "uint32", shape: [n] });
  const float = emit.type({ dtype: "float32", shape: [n] });
  const splat = (v: number) => emit.constant({ dtype: "uint32", shape: [n] }, [v]);
  const op = (name: string, ...inputs: string[]) => emit.op(`stablehlo.${name} ${inputs.join(", ")} : ${type}`);
  const mixed = (x: string) => {
    let h = x;
    for (const { shift, multiplier } of rounds) {
      h = op("multiply", op("xor", h, op("shift_right_logical", h, splat(shift))), splat(multiplier));
    }
    return op("xor", h, op("shift_right_logical", h, splat(lastShift)));
  };
  const pair = emit.type({ dtype: "uint32", shape: [2] });
  const one = emit.type({ dtype: "uint32", shape: [1] });
  const words = emit.op(`stablehlo.bitcast_convert ${emit.value(seed)} : (${emit.type(seed)}) -> ${pair}`);
  const word = (i: number) => {
    const cut = emit.op(`stablehlo.slice ${words} [${i}:${i + 1}] : (${pair}) -> ${one}`);
    return emit.op(`stablehlo.broadcast_in_dim ${cut}, dims = [0] : (${one}) -> ${type}`);
  };
  const start = op("add", word(0), splat(Math.imul(site + 1, golden) >>> 0));
  const index = op("add", emit.op(`stablehlo.iota dim = 0 : ${type}`), start);
  const bits = op("shift_right_logical", mixed(op("xor", mixed(index), word(1))), splat(8));
  const converted = emit.op(`stablehlo.convert ${bits} : (${type}) -> ${float}`);
  const scale = emit.constant({ dtype: "float32", shape: [n] }, [2 ** -24]);
  const uniform = emit.op(`stablehlo.multiply ${converted}, ${scale} : ${float}`);
  return [emit.op(`stablehlo.reshape ${uniform} : (${float}) -> ${emit.type({ dtype: "float32", shape })}`)];
}

/**
 * Uniform numbers in [0, 1) of 24 bits. `seed` is int32 `[2]`; different `site`s of a program get different numbers.
 */
export function randomUniform(seed: Tensor, site: number, shape: Shape): Tensor {
  return apply(randomUniformPrimitive, [seed], { site, shape });
}
