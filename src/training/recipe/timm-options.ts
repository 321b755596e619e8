/** Options of timm's train.py, and their equivalents in deit: what the schema's metadata says, read the other way. */
import { recipeSchema } from "./schema.js";

/** Those without an equivalent of their own. */
const others: Readonly<Record<string, string>> = {
  tta: "not a setting of training but an option of deit evaluate and deit predict",
  fp16: "not offered: the precision bfloat16 of the engine xla takes its place, and needs no loss scaling",
  "model-dtype":
    "not offered: parameters stay float32; with the precision bfloat16 of the engine xla matrices are multiplied in that",
  "opt-kwargs": "not needed: what an optimizer reads are settings of the recipe, such as betas and momentum",
  resplit: "not needed: with augmentationSplits the first picture of an image is never erased",
  "kd-loss-type": "not needed: the only one of timm, kl, is distillation=soft",
};

/** The equivalent setting by timm's name, with what differs in brackets. */
export const timmOptions: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries(recipeSchema.shape).flatMap(([setting, schema]) => {
      const { timm } = schema.meta() ?? {};
      if (typeof timm !== "string") return [];
      const [, names, remark = ""] = /^([^(]*)( \(.*\))?$/s.exec(timm)!;
      return names
        .split(" and ")
        .map((name) => [/^[\w-]+/.exec(name)![0], `${setting}${remark.replaceAll("`", "")}`] as const);
    }),
  ),
  ...others,
};
