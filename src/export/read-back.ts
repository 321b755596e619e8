/** Weights of an export, read as anyone's would be, so that their names and what lies beside them count. */
import { describeWeights } from "../evaluation/describe-weights.js";
import { seeing } from "../evaluation/view.js";
import { adaptWeights } from "../models/adapt.js";
import { recognizeDeit, shapesOf } from "../models/deit-sizes.js";
import type { Model } from "../models/model.js";
import { modelOfSizes } from "../models/recognize.js";
import { createModel } from "../models/registry.js";
import type { NamedTensors } from "../tensor/index.js";
import { loadWeights } from "../weights/load.js";
import { locateWeights } from "../weights/locate.js";
import type { ExportSource } from "./source.js";

/** The model that the files in `folder` describe. What the layout's own default stands for is taken from the source. */
export async function readBack(
  folder: string,
  { model: source, view }: ExportSource,
): Promise<{ readonly model: Model; readonly weights: NamedTensors }> {
  const found = await locateWeights({ weights: folder });
  const loaded = await loadWeights(found);
  const { options, imageSize } = await describeWeights(found, loaded);
  const sizes = recognizeDeit(shapesOf(loaded.tensors), imageSize);
  const { heads, normEpsilon, distillationHead } = source.config as {
    readonly heads?: number;
    readonly normEpsilon?: number;
    readonly distillationHead?: boolean;
  };
  const same = { heads, normEpsilon, distillationHead, classes: source.classes };
  const named = sizes && modelOfSizes(sizes);
  const read = named ? createModel(named.model, { ...named.options, ...same, ...options }) : source;
  const model = seeing(read, view);
  return { model, weights: adaptWeights(model, loaded.tensors, { source: folder, unread: loaded.unread, imageSize }) };
}
