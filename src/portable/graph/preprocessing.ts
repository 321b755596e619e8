/** The preprocessing of an image as an ONNX graph before a model: resize, centre crop, normalisation; probabilities after. */
import type { Interpolation } from "../../data/pixels/resize.js";
import { UsageError } from "../../errors/errors.js";
import { sentence, setting, way } from "../../errors/sentence.js";
import type { EvaluationView } from "../../evaluation/view.js";
import type { OnnxGraph, OnnxNode, OnnxTensor } from "../../formats/onnx/graph.js";
import { dtypeCodes } from "../../formats/onnx/write.js";
import type { OnnxAttribute } from "../../tensor/lowering.js";
import { portableNames } from "./portable.js";

/** The version of ONNX's operators in which Resize can filter as Pillow does (`antialias`). */
export const resizeOperators = 18;

/** Names of the input and of the output. */
export const imageNames = { input: "image", output: "probabilities" } as const;

/** Resize's attributes for Pillow's filters. */
const filters: Readonly<Record<Interpolation, Readonly<Record<string, OnnxAttribute>> | undefined>> = {
  nearest: { mode: { string: "nearest" }, nearest_mode: { string: "floor" } },
  bilinear: { mode: { string: "linear" }, antialias: { int: 1 } },
  bicubic: { mode: { string: "cubic" }, antialias: { int: 1 }, cubic_coeff_a: { float: -0.5 } },
  lanczos: undefined,
};

/**
 * `image` uint8 `[height, width, 3]` of any size to `probabilities` `[1, classes]`, by a graph from `pixel_values` to
 * `logits`. Throws UsageError for a filter that ONNX lacks.
 */
export function withPreprocessing(graph: OnnxGraph, view: EvaluationView): OnnxGraph {
  const filter = filters[view.interpolation];
  if (!filter)
    throw new UsageError(
      sentence`Images of this model are resized by ${view.interpolation} interpolation, which ONNX's Resize does not have, so the preprocessing cannot be part of the graph${way`; choose another ${setting("interpolation")}`}.`,
    );
  const g = new Builder();
  const { imageSize: size, cropRatio, cropMode, normalization } = view;
  const side = Math.floor(size / cropRatio);
  // [height, width, 3] to [1, 3, height, width]
  const planes = g.op("Unsqueeze", [g.op("Transpose", [imageNames.input], { perm: { ints: [2, 0, 1] } }), g.ints([0])]);
  const shape = g.op("Shape", [imageNames.input]);
  const sides = g.op("Slice", [shape, g.ints([0]), g.ints([2])]);
  // The shorter side becomes `side`, the longer one keeps its proportion, rounded down.
  const shorter = g.op("ReduceMin", [sides], { keepdims: { int: 1 } });
  const resized =
    cropMode === "squash" ? g.ints([side, side]) : g.op("Div", [g.op("Mul", [sides, g.ints([side])]), shorter]);
  const sizes = g.op("Concat", [g.ints([1, 3]), resized], { axis: { int: 0 } });
  const seen = g.op("Resize", [planes, "", "", sizes], {
    coordinate_transformation_mode: { string: "half_pixel" },
    ...filter,
  });
  // The centre, halves rounded to even, as Python does.
  const margin = g.op("Cast", [g.op("Sub", [resized, g.ints([size])])], { to: { int: dtypeCodes.float32 } });
  const half = g.op("Round", [g.op("Mul", [margin, g.floats([0.5], [])])]);
  const start = g.op("Cast", [half], { to: { int: dtypeCodes.int64 } });
  const cut = g.op("Slice", [seen, start, g.op("Add", [start, g.ints([size, size])]), g.ints([2, 3])]);
  const numbers = g.op("Cast", [cut], { to: { int: dtypeCodes.float32 } });
  const { mean, std } = normalization;
  const scaled = g.op("Mul", [
    numbers,
    g.floats(
      std.map((s) => 1 / (255 * s)),
      [3, 1, 1],
    ),
  ]);
  g.op(
    "Add",
    [
      scaled,
      g.floats(
        mean.map((m, c) => -m / std[c]),
        [3, 1, 1],
      ),
    ],
    {},
    portableNames.input,
  );
  const last: OnnxNode = {
    ...{ type: "Softmax", domain: "", inputs: [portableNames.output], outputs: [imageNames.output] },
    attributes: { axis: { int: -1 } },
  };
  const [{ shape: classes }] = graph.outputs;
  return {
    name: graph.name,
    nodes: [...g.nodes, ...graph.nodes, last],
    initializers: [...g.tensors, ...graph.initializers],
    inputs: [{ name: imageNames.input, dtype: "uint8", shape: ["height", "width", 3] }],
    outputs: [{ name: imageNames.output, dtype: "float32", shape: [1, ...classes.slice(1)] }],
  };
}

/** Collects nodes and constants, whose names begin so that none is one of the model's. */
class Builder {
  readonly nodes: OnnxNode[] = [];
  readonly tensors: OnnxTensor[] = [];

  op(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    output = `image_${this.nodes.length}`,
  ): string {
    this.nodes.push({ type, domain: "", inputs, outputs: [output], attributes });
    return output;
  }

  ints(values: readonly number[]): string {
    return this.#tensor("int64", [values.length], BigInt64Array.from(values, BigInt));
  }

  floats(values: readonly number[], shape: readonly number[]): string {
    return this.#tensor("float32", shape, Float32Array.from(values));
  }

  #tensor(dtype: "int64" | "float32", shape: readonly number[], data: BigInt64Array | Float32Array): string {
    const name = `image_c${this.tensors.length}`;
    this.tensors.push({ name, dtype, shape, bytes: new Uint8Array(data.buffer) });
    return name;
  }
}
