// A model of your own is a list of parameters and a function. This one pools patches and has one hidden layer; it is
// differentiated and run like any DeiT:
//   node examples/custom-model.mjs
import { createOnnxEngine, imagenetNormalization, inferenceContext, initialize, parameterInputs, tensor } from "deit";

const { gelu, gradient, input, linear, mean, program, reshape, transpose } = tensor;
const width = 32;
/** @type {(name: string, shape: readonly number[]) => import("deit").ParameterSpec} */
const weight = (name, shape) => ({
  name,
  shape,
  kind: "parameter",
  decay: true,
  init: { kind: "truncatedNormal", std: 0.02 },
});
/** @type {(name: string, shape: readonly number[]) => import("deit").ParameterSpec} */
const bias = (name, shape) => ({ name, shape, kind: "parameter", decay: false, init: { kind: "zeros" } });

/** @type {import("deit").Model} */
const model = {
  name: "pooled-patches",
  config: {},
  imageSize: 32,
  channels: 3,
  classes: 10,
  distilled: false,
  normalization: imagenetNormalization,
  cropRatio: 1,
  parameters: [
    weight("embed.weight", [width, 192]),
    bias("embed.bias", [width]),
    weight("head.weight", [10, width]),
    bias("head.bias", [10]),
  ],
  forward(context, images) {
    const [batch] = images.shape;
    /** @type {(name: string, x: import("deit").tensor.Tensor) => import("deit").tensor.Tensor} */
    const affine = (name, x) => linear(x, context.parameter(`${name}.weight`), context.parameter(`${name}.bias`));
    const patches = reshape(transpose(reshape(images, [batch, 4, 8, 4, 24]), [0, 1, 3, 2, 4]), [batch, 16, 192]);
    return { logits: affine("head", mean(gelu(affine("embed", patches)), [1])) };
  },
};

const parameters = parameterInputs(model);
const context = inferenceContext(parameters);
const { logits } = model.forward(context, input("images", "float32", [2, 32, 32, 3]));
const loss = mean(tensor.mul(logits, logits));
const [slope] = gradient(loss, [context.parameter("head.weight")]);

const engine = await createOnnxEngine();
const executable = await engine.compile(
  program({ name: "custom", outputs: { logits, slope }, state: parameters.keys() }),
);
const state = await engine.createState(initialize(model, 0));
const images = tensor.float32(
  [2, 32, 32, 3],
  Float32Array.from({ length: 6144 }, (_, i) => Math.sin(i)),
);
const outputs = await executable.run(state, new Map([["images", images]]));
console.log("logits", outputs.get("logits")?.shape, "gradient of the head", outputs.get("slope")?.shape);
await engine.close();
