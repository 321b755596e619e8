/** Related models that are recognised only by the names of their tensors, and refused by name. */
import { WeightsError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";

/** Names of the tensors that PEFT and loralib add to a model: LoRA, DoRA, LoHa, LoKr, IA³, VeRA and OFT. */
const adapter =
  /(^|\.)(lora_([AB]|embedding_[AB]|magnitude_vector)|hada_[wt]\d(_[ab])?|lokr_[wt]\d(_[ab])?|ia3_l|vera_lambda_[bd]|oft_r)(\.|$)/;

/** What to do about an adapter, in the imperative. */
export const mergeAdapter =
  "merge it where it was trained (merge_and_unload() of PEFT), save that model and give its weights";

/** Refuses adapters and models with them: their scale is stored elsewhere. `names` are those of the file. */
export function requireNoAdapter(path: string, names: Iterable<string>): void {
  const found = [...names].find((name) => adapter.test(name));
  if (found === undefined) return;
  throw new WeightsError(
    `"${path}" holds an adapter (LoRA or its like, such as ${quoted(found)}), which counts only when it is merged into the weights that it was trained for; ${mergeAdapter}.`,
  );
}

/** Refuses a RegNetX, which has the blocks of a RegNetY without their squeeze and excitation. `names` are timm's. */
export function requireNoRegnetX(path: string, names: Iterable<string>): void {
  const all = [...names];
  if (!all.some((name) => /^s\d\.b\d+\.conv3\./.test(name)) || all.some((name) => /^s\d\.b\d+\.se\./.test(name)))
    return;
  throw new WeightsError(
    `"${path}" holds a RegNetX, whose blocks have no squeeze and excitation; models here are RegNetY: give weights of one.`,
  );
}
