/** The preprocessing of an image as an ONNX graph before a model: grayscale if it sees that, resize, centre crop, normalisation. */

import type { Interpolation } from "../../data/pixels/resize.js";
import { UsageError } from "../../errors/errors.js";
import { sentence, setting, way } from "../../errors/sentence.js";
import type { EvaluationView } from "../../evaluation/view.js";
import type { OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from "../../formats/onnx/graph.js";
import { dtypeCodes } from "../../formats/onnx/write.js";
import { beforeCrop, heightAndWidth } from "../../geometry/image-size.js";
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
 * How a graph that preprocesses takes a whole image of any size, and what it gives:
 * - `image`: `image` uint8 `[height, width, 3]` to `probabilities` `[1, classes]`;
 * - `planes`: `pixel_values` float32 `[1, 3, height, width]`, from 0 to 255, to `logits` `[1, classes]`, as transformers.js
 *   calls its models.
 *
 * The batch is one image in both, so that a runtime refuses several, which have one size only by chance.
 */
export type WholeImage = "image" | "planes";

/** What a graph that preprocesses reads and gives. */
interface Ends {
  readonly input: OnnxValue;
  /** The image as uint8 `[1, 3, height, width]`, and its height and width. */
  read(g: Builder): { readonly planes: string; readonly sides: string };
  readonly output: string;
  readonly last: readonly OnnxNode[];
}

const ends: Readonly<Record<WholeImage, Ends>> = {
  image: {
    input: { name: imageNames.input, dtype: "uint8", shape: ["height", "width", 3] },
    read: (g) => ({
      planes: g.op("Unsqueeze", [g.op("Transpose", [imageNames.input], { perm: { ints: [2, 0, 1] } }), g.ints([0])]),
      sides: g.op("Slice", [g.op("Shape", [imageNames.input]), g.ints([0]), g.ints([2])]),
    }),
    output: imageNames.output,
    last: [
      {
        ...{ type: "Softmax", domain: "", inputs: [portableNames.output], outputs: [imageNames.output] },
        attributes: { axis: { int: -1 } },
      },
    ],
  },
  planes: {
    input: { name: portableNames.input, dtype: "float32", shape: [1, 3, "height", "width"] },
    read: (g) => ({
      // Resize rounds and clamps to bytes as Pillow does if it is given bytes.
      planes: g.op("Cast", [portableNames.input], { to: { int: dtypeCodes.uint8 } }),
      sides: g.op("Slice", [g.op("Shape", [portableNames.input]), g.ints([2]), g.ints([4])]),
    }),
    output: portableNames.output,
    last: [],
  },
};

/** The normalised view, which the model reads. */
const seen = "image_view";

/**
 * The graph for whole images, by one from `pixel_values` to `logits`. Throws UsageError for a filter that ONNX lacks.
 */
export function withPreprocessing(graph: OnnxGraph, view: EvaluationView, takes: WholeImage): OnnxGraph {
  if (view.channels === 4)
    throw new UsageError(
      "Images of this model have alpha (4 channels), whose preprocessing cannot be part of the graph; export the model without it.",
    );
  const { input, read, output, last } = ends[takes];
  const g = new Builder();
  const { planes, sides } = read(g);
  preprocess(g, { planes: view.channels === 1 ? grayscale(g, planes) : planes, sides }, view);
  const model = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((name) => (name === portableNames.input ? seen : name)),
  }));
  const [{ shape: classes }] = graph.outputs;
  return axesAsInputs({
    name: graph.name,
    nodes: [...g.nodes, ...model, ...last],
    initializers: [...g.tensors, ...graph.initializers],
    inputs: [input],
    outputs: [{ name: output, dtype: "float32", shape: [1, ...classes.slice(1)] }],
  });
}

/** Three planes as one, as Pillow converts them: uint8 `[1, 3, height, width]` to `[1, 1, height, width]`. */
function grayscale(g: Builder, planes: string): string {
  const wide = g.op("Cast", [planes], { to: { int: dtypeCodes.int64 } });
  const shares = g.op("Mul", [wide, g.ints([19595, 38470, 7471], [3, 1, 1])]);
  const sum = g.op("ReduceSum", [shares, g.ints([1])]);
  const rounded = g.op("Div", [g.op("Add", [sum, g.ints([0x8000])]), g.ints([0x10000])]);
  return g.op("Cast", [rounded], { to: { int: dtypeCodes.uint8 } });
}

/** Resize, centre crop and normalisation. */
function preprocess(g: Builder, { planes, sides }: ReturnType<Ends["read"]>, view: EvaluationView): void {
  const filter = filters[view.interpolation];
  if (!filter)
    throw new UsageError(
      sentence`Images of this model are resized by ${view.interpolation} interpolation, which ONNX's Resize does not have, so the preprocessing cannot be part of the graph${way`; choose another ${setting("interpolation")}`}.`,
    );
  if (view.cropMode === "border")
    throw new UsageError(
      sentence`Images of this model get a border (${setting("cropMode", "border")}), which cannot be part of the graph; export the model without the preprocessing${way`, or choose another ${setting("cropMode")}`}.`,
    );
  const { imageSize, cropRatio, cropMode, normalization } = view;
  const size = heightAndWidth(imageSize);
  const scaled = heightAndWidth(beforeCrop(imageSize, cropRatio));
  const resized = cropMode === "squash" ? g.ints(scaled) : covering(g, sides, scaled);
  const sizes = g.op("Concat", [g.ints([1, view.channels]), resized], { axis: { int: 0 } });
  const resizedPlanes = g.op("Resize", [planes, "", "", sizes], {
    coordinate_transformation_mode: { string: "half_pixel" },
    ...filter,
  });
  // The centre, halves rounded to even, as Python does.
  const margin = g.op("Cast", [g.op("Sub", [resized, g.ints(size)])], { to: { int: dtypeCodes.float32 } });
  const half = g.op("Round", [g.op("Mul", [margin, g.floats([0.5], [])])]);
  const start = g.op("Cast", [half], { to: { int: dtypeCodes.int64 } });
  const cut = g.op("Slice", [resizedPlanes, start, g.op("Add", [start, g.ints(size)]), g.ints([2, 3])]);
  const numbers = g.op("Cast", [cut], { to: { int: dtypeCodes.float32 } });
  const { mean, std } = normalization;
  const normalized = g.op("Mul", [
    numbers,
    g.floats(
      std.map((s) => 1 / (255 * s)),
      [view.channels, 1, 1],
    ),
  ]);
  g.op(
    "Add",
    [
      normalized,
      g.floats(
        mean.map((m, c) => -m / std[c]),
        [view.channels, 1, 1],
      ),
    ],
    {},
    seen,
  );
}

/** Height and width such that the image just covers `scaled`. */
function covering(g: Builder, sides: string, scaled: readonly number[]): string {
  const [height, width] = scaled;
  // Of a square, the shorter side becomes its own, and the longer one is rounded down.
  if (height === width) {
    const shorter = g.op("ReduceMin", [sides], { keepdims: { int: 1 } });
    return g.op("Div", [g.op("Mul", [sides, g.ints([height])]), shorter]);
  }
  // The larger of what either side asks for, rounded: (2 · sides · side + own) / (2 · own) without a remainder.
  const by = (axis: 0 | 1) => {
    const own = g.op("Slice", [sides, g.ints([axis]), g.ints([axis + 1])]);
    const twice = g.op("Mul", [sides, g.ints([2 * scaled[axis]])]);
    return g.op("Div", [g.op("Add", [twice, own]), g.op("Mul", [own, g.ints([2])])]);
  };
  return g.op("Max", [by(0), by(1)]);
}

/** Since ONNX 18, the axes of a reduction are an input, no attribute. */
function axesAsInputs(graph: OnnxGraph): OnnxGraph {
  const added: OnnxTensor[] = [];
  const nodes = graph.nodes.map((node): OnnxNode => {
    const { axes, ...attributes } = node.attributes;
    if (!/^Reduce(Max|Min|Mean)$/.test(node.type) || !axes || !("ints" in axes)) return node;
    const data = BigInt64Array.from(axes.ints, BigInt);
    const name = `reduced_axes_${axes.ints.join("_")}`;
    if (!added.some((tensor) => tensor.name === name))
      added.push({ name, dtype: "int64", shape: [data.length], bytes: new Uint8Array(data.buffer) });
    return { ...node, attributes, inputs: [...node.inputs, name] };
  });
  return { ...graph, nodes, initializers: [...graph.initializers, ...added] };
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

  ints(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.#tensor("int64", shape, BigInt64Array.from(values, BigInt));
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
