/** What config.json of transformers says of a RegNet: which published RegNetY it is, and what the shapes do not tell. */
import { createModel, modelNames, registeredModel } from "../models/registry.js";
import type { JsonObject } from "../system/text/json.js";

/** Whether the file describes a RegNet. */
export const isRegnet = ({ model_type: type }: JsonObject): boolean => type === "regnet";

/** What it says that models here do otherwise, as the middle of a sentence; undefined where there is nothing. */
export function otherRegnet(fields: JsonObject): string | undefined {
  const { hidden_act: act = "relu", downsample_in_first_stage: halves = true, layer_type: type = "y" } = fields;
  if (type !== "y") return `layer_type ${JSON.stringify(type)} (RegNetY is wanted)`;
  if (act !== "relu") return `hidden_act ${JSON.stringify(act)} (relu is wanted)`;
  return halves === true ? undefined : `downsample_in_first_stage ${JSON.stringify(halves)}`;
}

/** The published RegNetY that has these blocks; undefined where none has. */
export function regnetOf(fields: JsonObject): string | undefined {
  if (!isRegnet(fields)) return undefined;
  const { depths, hidden_sizes: widths, groups_width: group = 64 } = fields;
  if (!Array.isArray(depths) || !Array.isArray(widths)) return undefined;
  const wanted = JSON.stringify({ depths, widths, group });
  return modelNames().find((name) => {
    const known = registeredModel(name);
    const published = known?.fixed && known.family.transformers === fields.model_type;
    return published && JSON.stringify(blocksOf(name)) === wanted;
  });
}

/** Blocks and width of each stage, and the channels of a group, by the shapes of a model's parameters. */
function blocksOf(name: string): { depths: number[]; widths: number[]; group?: number } {
  const depths: number[] = [];
  const widths: number[] = [];
  let group: number | undefined;
  for (const { name: parameter, shape } of createModel(name).parameters) {
    const [, stage] = /^s(\d+)\.b\d+\.conv2\.conv\.weight$/.exec(parameter) ?? [];
    if (stage === undefined) continue;
    depths[Number(stage) - 1] = (depths[Number(stage) - 1] ?? 0) + 1;
    widths[Number(stage) - 1] = shape[0];
    group = shape[1];
  }
  return { depths, widths, group };
}
