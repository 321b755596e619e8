/** A model with its weights as an ONNX graph that any runtime can run: standard operators, any batch size, NCHW. */

import { onnxGraph } from "../../engines/onnx/model.js";
import type { OnnxGraph } from "../../formats/onnx/graph.js";
import { heightAndWidth } from "../../geometry/image-size.js";
import { decisionLogits, type Head, inferenceContext, parameterInputs } from "../../models/context.js";
import type { Model } from "../../models/model.js";
import { input, type NamedTensors, program, simplify, transpose } from "../../tensor/index.js";
import { bindWeights } from "./fold.js";
import { type SizedGraph, withSymbolicBatch } from "./symbolic-batch.js";

/** The version of ONNX's operators that portable models use. */
export const standardOperators = 17;

/** Names of the input and of the output, as in transformers. */
export const portableNames = { input: "pixel_values", output: "logits" } as const;

/** Two batch sizes that no size of a model is a multiple of by chance. */
const sizes = [61, 67] as const;

/**
 * `pixel_values` float32 `[batch, channels, height, width]`, normalised, to `logits` `[batch, classes]`, those of `head` (default:
 * the mean of both).
 */
export function portableGraph(model: Model, weights: NamedTensors, head: Head = "both"): OnnxGraph {
  const [one, other] = sizes.map((batch): SizedGraph => ({ batch, graph: sizedGraph(model, batch, head) }));
  return bindWeights(withSymbolicBatch(one, other), weights);
}

function sizedGraph(model: Model, batch: number, head: Head): OnnxGraph {
  const images = input(portableNames.input, "float32", [batch, model.channels, ...heightAndWidth(model.imageSize)]);
  const output = model.forward(inferenceContext(parameterInputs(model)), transpose(images, [0, 2, 3, 1]));
  const whole = program({ name: model.name, outputs: { [portableNames.output]: decisionLogits(output, head) } });
  const operators = "standard";
  return onnxGraph(simplify(whole, { engine: "onnx", platform: "cpu", operators }), operators);
}
