/** float16 weights and arithmetic between float32 ends. */
import type { OnnxTensor } from "../../formats/onnx/graph.js";
import { dtypeCodes } from "../../formats/onnx/write.js";
import { toHalf } from "../../tensor/half.js";
import { floatsOf, nodeOf, type Quantization, tensorOf } from "./quantization.js";

/** Beyond it, float16 is infinite. */
const largest = 65504;

export const float16: Quantization = {
  about: "16-bit floating-point numbers, for GPUs",
  rewrite: (graph) => {
    const inner = new Map<string, string>([
      ...graph.inputs.map(({ name }): [string, string] => [name, `${name}_float16`]),
      ...graph.outputs.map(({ name }): [string, string] => [name, `${name}_float16`]),
    ]);
    const named = (name: string) => inner.get(name) ?? name;
    // Shapes are those of the float32 ends.
    const nodes = graph.nodes.map((node) =>
      node.type === "Shape" ? node : { ...node, inputs: node.inputs.map(named), outputs: node.outputs.map(named) },
    );
    const cast = (from: string, to: string, dtype: "float16" | "float32") =>
      nodeOf("Cast", [from], [to], { to: { int: dtypeCodes[dtype] } });
    return {
      ...graph,
      nodes: [
        ...graph.inputs.map(({ name }) => cast(name, named(name), "float16")),
        ...nodes,
        ...graph.outputs.map(({ name }) => cast(named(name), name, "float32")),
      ],
      initializers: graph.initializers.map((t) => (t.dtype === "float32" ? halved(t) : t)),
    };
  },
};

function halved(tensor: OnnxTensor): OnnxTensor {
  const data = Uint16Array.from(floatsOf(tensor), (value) => toHalf(Math.max(-largest, Math.min(largest, value))));
  return tensorOf(tensor.name, "float16", tensor.shape, data);
}
