/** What config.json next to weights states about the model: applied if supported, otherwise refused by name. */
import { WeightsError } from "../errors/errors.js";
import { sentence, setting, way } from "../errors/sentence.js";
import { channelsInWords } from "../geometry/channels.js";
import type { Model } from "../models/model.js";
import type { ModelOptions } from "../models/registry.js";
import { asObject, type JsonObject } from "../system/text/json.js";
import type { Companions } from "./companions.js";
import { isRegnet, otherRegnet } from "./described-regnet.js";
import { modelArguments, type TrainingArguments } from "./training-arguments.js";

/** Names of the exact GELU. */
const exactGelu = ["gelu", "gelu_python"];
/** Arguments of timm's models that do not affect evaluation, or follow from the shapes of the tensors. */
const harmless =
  /^(img_size|in_chans|num_classes|patch_size|embed_dim|depth|mlp_ratio|.*drop.*|weight_init|pretrained.*|strict_img_size|dynamic_img_size|output_stride|num_heads|global_pool|fc_norm|init_values|no_embed_class|w0|wa|wm|group_size|se_ratio|stem_width)$/;
/** Arguments with their values in deit's models; other values mean a different model. */
const asHere: JsonObject = {
  ...{ act_layer: "gelu", qkv_bias: true, proj_bias: true, class_token: true, pos_embed: "learn" },
  ...{ final_norm: true, qk_norm: false, scale_attn_norm: false, scale_mlp_norm: false },
  ...{ pre_norm: false, reg_tokens: 0, dynamic_img_pad: false, attn_layer: "", norm_layer: "" },
};

/** Options of the model that cannot be inferred from its tensors' shapes. Throws WeightsError for unsupported ones. */
export function describedOptions(
  { config }: Pick<Companions, "config">,
  trained: readonly TrainingArguments[] = [],
): ModelOptions {
  const refuse = (source: string, what: string): never => {
    throw new WeightsError(
      `${source} says ${what}, which deit's models do not support, so its weights would give different predictions; if the file belongs to other weights, move these into a folder of their own.`,
    );
  };
  const fields = config?.fields ?? {};
  const source = `"${config?.source}"`;
  const { hidden_act: act, qkv_bias: bias, num_attention_heads: heads, layer_norm_eps: epsilon } = fields;
  const other = isRegnet(fields) ? otherRegnet(fields) : undefined;
  if (other !== undefined) refuse(source, other);
  if (typeof act === "string" && !exactGelu.includes(act) && !isRegnet(fields))
    refuse(source, `hidden_act ${JSON.stringify(act)} (the exact gelu is wanted)`);
  if (bias === false) refuse(source, "qkv_bias false");
  const given = [
    { source, fields: asObject(fields.model_args) ?? {} },
    ...trained.map((one) => ({ source: one.source, fields: modelArguments(one) })),
  ];
  for (const { source, fields } of given)
    for (const [key, value] of Object.entries(fields))
      if (value !== null && !harmless.test(key) && asHere[key] !== value)
        refuse(source, `${key} ${JSON.stringify(value)} (arguments of the model)`);
  const chosen = [heads, ...given.map((one) => one.fields.num_heads)].find(isCount);
  return {
    ...(chosen === undefined ? {} : { heads: chosen }),
    // 1e-6 is the default of timm and of the model.
    ...(typeof epsilon === "number" && epsilon > 0 && epsilon !== 1e-6 ? { normEpsilon: epsilon } : {}),
  };
}

const isCount = (value: unknown): value is number => typeof value === "number" && Number.isInteger(value) && value > 0;

/**
 * Throws if files next to weights, or arguments, describe a different model, or outputs that do not select one class.
 */
export function requireSameModel(
  model: Model,
  { config }: Pick<Companions, "config">,
  trained: readonly TrainingArguments[] = [],
): void {
  if (config) requireSameSizes(model, config);
  const stated = [
    { source: `"${config?.source}"`, fields: config?.fields ?? {}, key: "num_channels" },
    { source: `"${config?.source}"`, fields: asObject(config?.fields.model_args) ?? {}, key: "in_chans" },
    ...trained.map((one) => ({ source: one.source, fields: modelArguments(one), key: "in_chans" })),
  ];
  const channels = stated
    .map(({ source, fields, key }) => ({ source, key, count: fields[key] }))
    .find(({ count }) => typeof count === "number" && count !== model.channels);
  if (channels)
    throw new WeightsError(
      `${channels.source} says ${channels.key} ${channels.count}, but the weights take images of ${channelsInWords(model.channels)}; it belongs to other weights.`,
    );
  const pools = stated.map(({ source, fields }) => ({ source, pool: fields.global_pool }));
  const { pool: own = "token" } = model.config;
  const other = pools.find(({ pool }) => typeof pool === "string" && pool !== "" && pool !== own);
  if (other && model.tokens)
    throw new WeightsError(
      `${other.source} says that the head reads something other (global_pool ${other.pool}) than ${own === "avg" ? "the mean of the patches" : "the class token"}, which ${model.name}'s head reads; such weights belong to another architecture.`,
    );
}

function requireSameSizes(model: Model, { fields, source }: NonNullable<Companions["config"]>): void {
  const pairs = [
    ["hidden_size", "width"],
    ["num_hidden_layers", "depth"],
    ["patch_size", "patchSize"],
  ] as const;
  for (const [theirs, ours] of pairs) {
    const [said, is] = [fields[theirs], model.config[ours]];
    if (typeof said !== "number" || typeof is !== "number" || said === is) continue;
    throw new WeightsError(
      sentence`"${source}" describes a model with ${theirs} ${said}, but ${model.name} has ${is}; it belongs to other weights${way`, or ${setting("model")} is not the right one`}.`,
    );
  }
  const { problem_type: problem } = fields;
  if (problem === "regression" || problem === "multi_label_classification")
    throw new WeightsError(
      `"${source}" says problem_type ${problem}, but models here choose one class of several; if it is one after all, remove that line.`,
    );
}
