/** config.json of transformers for a model, and the tensors under the names that it reads. */
import { UsageError } from "../../errors/errors.js";
import { recognizeDeit, shapesOf } from "../../models/deit-sizes.js";
import type { Model, TokenGrid } from "../../models/model.js";
import { headNames } from "../../models/parts.js";
import { modelOfSizes } from "../../models/recognize.js";
import { createModel } from "../../models/registry.js";
import { float32, type HostTensor, type NamedTensors } from "../../tensor/index.js";
import { toHuggingface } from "../../weights/huggingface-names.js";
import { toHuggingfaceRegnet } from "../../weights/huggingface-regnet-names.js";
import type { PortableSource } from "../source.js";
import { withBatchCounts } from "./batch-norm.js";
import { withAllPositions } from "./positions.js";

/** A model as transformers has it. */
export interface TransformersModel {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: NamedTensors;
  /** The model of the tensors: the source's, or one without the parts that transformers lacks. */
  readonly model: Model;
}

/** The model of transformers that computes the same. Throws UsageError where it has none. */
export function transformersModel(source: PortableSource): TransformersModel {
  const { model } = source;
  const labels = labelsOf(source);
  if (model.tokens) {
    const found = visionTransformer(source);
    return { ...found, config: { ...found.config, ...labels } };
  }
  if (model.parameters.some(({ name }) => name === "stem.conv.weight")) {
    const tensors = withBatchCounts(toHuggingfaceRegnet(source.weights));
    return { config: { ...regnet(source), ...labels }, tensors, model };
  }
  throw new UsageError(`transformers has no model like "${model.name}"; choose the layout onnx.`);
}

/** Classes by index, as every program of Hugging Face reads them. */
export function labelsOf({ model, classes }: PortableSource): Readonly<Record<string, unknown>> {
  const names = Array.from({ length: model.classes }, (_, i) => classes?.[i] ?? `LABEL_${i}`);
  return {
    id2label: Object.fromEntries(names.map((name, i) => [i, name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
  };
}

function visionTransformer({ model, weights }: PortableSource): TransformersModel {
  const { config } = model as { config: Readonly<Record<string, unknown>> };
  const heads = headNames(model).length;
  if (config.pool === "avg")
    throw new UsageError(
      `The head of "${model.name}" reads the mean of its patches (pool=avg), and that of transformers' ViT the class token; choose the layout timm or onnx.`,
    );
  const architecture = !model.distilled
    ? "ViTForImageClassification"
    : heads === 2
      ? "DeiTForImageClassificationWithTeacher"
      : "DeiTForImageClassification";
  const plain = withoutDeit3(weights, model.tokens!);
  const named = toHuggingface(plain);
  const tensors =
    model.distilled && heads === 1
      ? new Map([...named].map(([name, tensor]) => [name.replace(/^cls_classifier/, "classifier"), tensor]))
      : named;
  return {
    tensors,
    model: [...plain].every(([name, tensor]) => weights.get(name) === tensor) ? model : modelLike(model, plain),
    config: {
      architectures: [architecture],
      model_type: model.distilled ? "deit" : "vit",
      hidden_size: config.width,
      num_hidden_layers: config.depth,
      num_attention_heads: config.heads,
      intermediate_size: weights.get("blocks.0.mlp.fc1.bias")!.shape[0],
      hidden_act: "gelu",
      layer_norm_eps: config.normEpsilon ?? 1e-6,
      image_size: model.imageSize,
      patch_size: config.patchSize,
      num_channels: model.channels,
      qkv_bias: true,
      hidden_dropout_prob: 0,
      attention_probs_dropout_prob: 0,
      initializer_range: 0.02,
      dtype: "float32",
    },
  };
}

/** The model with these tensors, which has the heads and norms of the given one. */
function modelLike({ config, classes, imageSize }: Model, tensors: NamedTensors): Model {
  const sizes = recognizeDeit(shapesOf(tensors), imageSize);
  const { model, options } = modelOfSizes(sizes!)!;
  const { heads, normEpsilon } = config as { readonly heads?: number; readonly normEpsilon?: number };
  return createModel(model, { ...options, heads, normEpsilon, classes });
}

/**
 * DeiT III without what transformers' ViT lacks: the factors of LayerScale are multiplied into the layers before them, and
 * the tokens without positions get zeros.
 */
function withoutDeit3(weights: NamedTensors, tokens: TokenGrid): NamedTensors {
  const result = new Map(weights);
  for (const [name, gamma] of weights) {
    const [, block, branch] = /^(blocks\.\d+)\.ls([12])\.gamma$/.exec(name) ?? [];
    if (block === undefined) continue;
    result.delete(name);
    const layer = `${block}.${branch === "1" ? "attn.proj" : "mlp.fc2"}`;
    for (const part of [`${layer}.weight`, `${layer}.bias`]) result.set(part, rowsTimes(weights.get(part)!, gamma));
  }
  return withAllPositions(result, tokens);
}

/** Each row of `[rows, …]` times its factor. */
function rowsTimes({ shape, data }: HostTensor, factors: HostTensor): HostTensor {
  const each = data.length / shape[0];
  return float32(
    shape,
    (data as Float32Array).map((value, i) => value * (factors.data[Math.floor(i / each)] as number)),
  );
}

function regnet({ model, weights }: PortableSource): Readonly<Record<string, unknown>> {
  const { stemStride } = model.config;
  if (stemStride !== 2)
    throw new UsageError(
      `The stem of "${model.name}" has stride ${stemStride}, and that of transformers' RegNet has 2; choose the layout onnx.`,
    );
  const stages: { depth: number; width: number }[] = [];
  let group = 0;
  for (const [name, { shape }] of weights) {
    const [, stage] = /^s(\d+)\.b\d+\.conv2\.conv\.weight$/.exec(name) ?? [];
    if (stage === undefined) continue;
    stages[Number(stage) - 1] = { depth: (stages[Number(stage) - 1]?.depth ?? 0) + 1, width: shape[0] };
    group = shape[1];
  }
  return {
    architectures: ["RegNetForImageClassification"],
    model_type: "regnet",
    layer_type: "y",
    num_channels: model.channels,
    embedding_size: weights.get("stem.conv.weight")!.shape[0],
    depths: stages.map(({ depth }) => depth),
    hidden_sizes: stages.map(({ width }) => width),
    groups_width: group,
    hidden_act: "relu",
    downsample_in_first_stage: true,
    dtype: "float32",
  };
}
