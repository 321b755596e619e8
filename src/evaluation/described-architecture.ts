/** What config.json beside weights says of the model itself: obeyed where it can be, refused by name where it cannot. */
import { WeightsError } from "../errors.js";
import type { Model } from "../models/model.js";
import type { ModelOptions } from "../models/registry.js";
import { asObject } from "../system/json.js";
import type { Companions } from "./companions.js";

/** Activations that are the exact GELU. */
const exactGelu = ["gelu", "gelu_python"];
/** Arguments by which timm's model differs in nothing that counts in evaluation. */
const harmless =
  /^(img_size|num_classes|drop_rate|.*_drop_rate|.*drop.*|weight_init|pretrained.*|strict_img_size|dynamic_img_size)$/;

/** Options of the model that the shapes of its tensors do not tell. Throws WeightsError for what it cannot do. */
export function describedOptions({ config }: Companions): ModelOptions {
  if (!config) return {};
  const { fields, source } = config;
  const refuse = (what: string): never => {
    throw new WeightsError(
      `"${source}" says ${what}, which deit's models cannot do, so its weights would give other answers; if the file belongs to other weights, put these into a folder of their own.`,
    );
  };
  const { hidden_act: act, qkv_bias: bias, num_attention_heads: heads, layer_norm_eps: epsilon } = fields;
  if (typeof act === "string" && !exactGelu.includes(act))
    refuse(`hidden_act ${JSON.stringify(act)} (the exact gelu is wanted)`);
  if (bias === false) refuse("qkv_bias false");
  const timm = asObject(fields.model_args) ?? {};
  for (const [key, value] of Object.entries(timm)) {
    if (harmless.test(key) || value === null || (key === "act_layer" && value === "gelu")) continue;
    if (key === "num_heads" || (key === "qkv_bias" && value === true) || (key === "class_token" && value === true))
      continue;
    if (["patch_size", "embed_dim", "depth", "mlp_ratio"].includes(key)) continue; // the tensors' shapes tell
    refuse(`${key} ${JSON.stringify(value)} (model_args)`);
  }
  const isCount = (value: unknown): value is number =>
    typeof value === "number" && Number.isInteger(value) && value > 0;
  const chosen = isCount(heads) ? heads : isCount(timm.num_heads) ? timm.num_heads : undefined;
  return {
    ...(chosen === undefined ? {} : { heads: chosen }),
    // 1e-6 is timm's and the model's own.
    ...(typeof epsilon === "number" && epsilon > 0 && epsilon !== 1e-6 ? { normEpsilon: epsilon } : {}),
  };
}

/** Refuses a config.json whose sizes are not those of the model. */
export function requireSameSizes(model: Model, { config }: Companions): void {
  if (!config) return;
  const { fields, source } = config;
  const pairs = [
    ["hidden_size", "width"],
    ["num_hidden_layers", "depth"],
    ["patch_size", "patchSize"],
  ] as const;
  for (const [theirs, ours] of pairs) {
    const [said, is] = [fields[theirs], model.config[ours]];
    if (typeof said !== "number" || typeof is !== "number" || said === is) continue;
    throw new WeightsError(
      `"${source}" describes a model with ${theirs} ${said}, but ${model.name} has ${is}; it belongs to other weights, or --model is not the right one.`,
    );
  }
  if (fields.global_pool === "avg" && typeof model.config.patchSize === "number")
    throw new WeightsError(
      `"${source}" says that the head reads the mean of the patches (global_pool avg), but that of ${model.name} reads the class token; such weights are of another architecture.`,
    );
}
