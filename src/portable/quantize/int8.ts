/** 8-bit weights with a factor for each output; activations are quantised as they come, with a factor for each token. */
import { dtypeCodes } from "../../formats/onnx/write.js";
import {
  byColumns,
  byteSide,
  nodeOf,
  type Quantization,
  type Replacement,
  tensorOf,
  type WeightProduct,
  zeroByte,
} from "./quantization.js";
import { withProducts } from "./rewrite.js";

/**
 * Weights and activations are unsigned: ONNX Runtime multiplies such bytes exactly on every processor, while on those
 * without VNNI it adds two products of an unsigned and a signed byte in 16 bits, which overflow.
 */
export const int8: Quantization = {
  about: "8-bit weights with a factor for each output, activations quantised as they come",
  rewrite: (graph) => {
    // The first product that reads a value decides how it is quantised, for all.
    const wide = new Map<string, boolean>();
    return withProducts(graph, (product, isFirst) => {
      const [x] = product.node.inputs;
      if (isFirst) wide.set(x, isWide(product.weight.shape));
      const input = !isFirst ? nothing : wide.get(x) ? betweenEnds(x) : aroundZero(x);
      const result = wide.get(x) ? productFromLeast(product) : productAroundZero(product);
      return { nodes: [...input.nodes, ...result.nodes], tensors: [...input.tensors, ...result.tensors] };
    });
  },
};

/**
 * Whether a product reads more numbers than it gives, as after a GELU, whose values lie mostly on one side of zero. Steps
 * from the least to the largest value then halve the error, for a correction of each result; elsewhere there are more
 * results than it is worth.
 */
const isWide = ([rows, columns]: readonly number[]): boolean => rows > columns;

const nothing: Replacement = { nodes: [], tensors: [] };
const names = { zero: "uint8_zero", middle: "uint8_middle", half: "uint8_half", least: "least_scale" } as const;
const share = (steps: number): string => `share_${steps}`;
const number = (name: string, value: number) => tensorOf(name, "float32", [], Float32Array.of(value));
const lastAxis = { axes: { ints: [-1] }, keepdims: { int: 1 } };

/** Bytes about 128 with a factor for each row of `x`: the largest magnitude is 127 steps. */
const aroundZero = (x: string): Replacement => ({
  nodes: [
    nodeOf("Abs", [x], [`${x}_magnitude`]),
    nodeOf("ReduceMax", [`${x}_magnitude`], [`${x}_range`], lastAxis),
    ...inSteps(x, x, byteSide, names.middle),
  ],
  tensors: [
    tensorOf(names.zero, "uint8", [], Uint8Array.of(zeroByte)),
    ...constants(byteSide),
    number(names.middle, zeroByte + 0.5),
  ],
});

/** Bytes from 0, the least number of a row of `x`, to 255, the largest. */
const betweenEnds = (x: string): Replacement => ({
  nodes: [
    nodeOf("ReduceMin", [x], [`${x}_least`], lastAxis),
    nodeOf("ReduceMax", [x], [`${x}_largest`], lastAxis),
    nodeOf("Sub", [`${x}_largest`, `${x}_least`], [`${x}_range`]),
    nodeOf("Sub", [x, `${x}_least`], [`${x}_above`]),
    ...inSteps(x, `${x}_above`, 255, names.half),
  ],
  tensors: [tensorOf(names.zero, "uint8", [], Uint8Array.of(zeroByte)), ...constants(255), number(names.half, 0.5)],
});

const constants = (steps: number) => [number(share(steps), 1 / steps), number(names.least, 1e-30)];

/** `values` in steps of which `steps` make the range of a row, plus `shift`: Cast cuts the fraction off, so a half rounds. */
const inSteps = (x: string, values: string, steps: number, shift: string): Replacement["nodes"] => [
  nodeOf("Mul", [`${x}_range`, share(steps)], [`${x}_step`]),
  // Of a row of equal numbers, any.
  nodeOf("Max", [`${x}_step`, names.least], [`${x}_scale`]),
  nodeOf("Div", [values, `${x}_scale`], [`${x}_steps`]),
  nodeOf("Add", [`${x}_steps`, shift], [`${x}_shifted`]),
  nodeOf("Cast", [`${x}_shifted`], [`${x}_uint8`], { to: { int: dtypeCodes.uint8 } }),
];

function productAroundZero({ node, weight }: WeightProduct): Replacement {
  const { nodes, tensors } = wholeProduct({ node, weight }, names.zero, node.outputs[0]);
  return { nodes, tensors };
}

/** The product of what lies above the least numbers, and that of the least numbers, which is one number for each output. */
function productFromLeast({ node, weight }: WeightProduct): Replacement {
  const [x] = node.inputs;
  const [y] = node.outputs;
  const { nodes, tensors, sums } = wholeProduct({ node, weight }, "", `${y}_above`);
  const total = `${weight.name}_sum`;
  return {
    nodes: [
      ...nodes,
      nodeOf("Mul", [`${x}_least`, total], [`${y}_of_least`]),
      nodeOf("Add", [`${y}_above`, `${y}_of_least`], [y]),
    ],
    tensors: [...tensors, tensorOf(total, "float32", [sums.length], sums)],
  };
}

/** The product of bytes as float32 in `result`, and the sums of the weights of each output. */
function wholeProduct(
  { node, weight }: WeightProduct,
  zero: string,
  result: string,
): Replacement & { readonly sums: Float32Array } {
  const [x] = node.inputs;
  const [y] = node.outputs;
  const { bytes, scales } = byColumns({ weight });
  const [stored, factors] = [`${weight.name}_uint8`, `${weight.name}_scale`];
  const sums = new Float64Array(scales.length);
  bytes.forEach((byte, i) => {
    sums[i % sums.length] += byte - zeroByte;
  });
  return {
    nodes: [
      nodeOf("MatMulInteger", [`${x}_uint8`, stored, zero, names.zero], [`${y}_int32`]),
      nodeOf("Cast", [`${y}_int32`], [`${y}_whole`], { to: { int: dtypeCodes.float32 } }),
      nodeOf("Mul", [`${y}_whole`, factors], [`${y}_by_output`]),
      nodeOf("Mul", [`${y}_by_output`, `${x}_scale`], [result]),
    ],
    tensors: [tensorOf(stored, "uint8", weight.shape, bytes), tensorOf(factors, "float32", [scales.length], scales)],
    sums: Float32Array.from(sums, (sum, i) => sum * scales[i]),
  };
}
