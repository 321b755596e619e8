/**
 * What config.json of transformers states about a RegNet: which published RegNetY it is, and what shapes do not show.
 */
import { createModel, modelNames } from "../models/registry.js";
import type { JsonObject } from "../system/text/json.js";

/** Whether the file describes a RegNet. */
export const isRegnet = ({ model_type: type }: JsonObject): boolean => type === "regnet";

/** Stated differences from deit's models, as the middle of a sentence; undefined if there are none. */
export function otherRegnet(fields: JsonObject): string | undefined {
  const { hidden_act: act = "relu", downsample_in_first_stage: halves = true, layer_type: type = "y" } = fields;
  if (type !== "y") return `layer_type ${JSON.stringify(type)} (RegNetY is wanted)`;
  if (act !== "relu") return `hidden_act ${JSON.stringify(act)} (relu is wanted)`;
  return halves === true ? undefined : `downsample_in_first_stage ${JSON.stringify(halves)}`;
}

/** The published RegNetY with these blocks; undefined if there is none. */
export function regnetOf(fields: JsonObject): string | undefined {
  if (!isRegnet(fields)) return undefined;
  const { depths, hidden_sizes: widths, groups_width: group = 64 } = fields;
  if (!Array.isArray(depths) || !Array.isArray(widths)) return undefined;
  const wanted = JSON.stringify({ depths, widths, group });
  return modelNames().find((name) => /^regnety_\d/.test(name) && JSON.stringify(blocksOf(name)) === wanted);
}

/** Blocks and width of each stage, and the channels per group, from the shapes of a model's parameters. */
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
