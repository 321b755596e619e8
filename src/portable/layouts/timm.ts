/** A folder for timm, to be opened as `local-dir:FOLDER`. */

import { UsageError } from "../../errors/errors.js";
import { sentence, setting, way } from "../../errors/sentence.js";
import { meanColor } from "../../evaluation/view.js";
import { heightAndWidth } from "../../geometry/image-size.js";
import type { Model } from "../../models/model.js";
import { headNames } from "../../models/parts.js";
import { createModel, modelNames, type RegisteredModel, registeredModel } from "../../models/registry.js";
import type { PortableSource } from "../source.js";
import { withBatchCounts } from "./batch-norm.js";
import { requireBothHeads } from "./heads.js";
import { jsonFile, type Layout } from "./layout.js";
import { withAllPositions } from "./positions.js";

export const timmLayout: Layout = {
  about: "a folder for timm",
  library: "timm",
  usage: (folder) => `\`\`\`python
import timm

model = timm.create_model("local-dir:${folder}", pretrained=True).eval()
transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
\`\`\``,
  files: (source) => {
    requireBothHeads(source, "timm");
    return [
      jsonFile("config.json", configOf(source)),
      {
        kind: "weights",
        path: "model.safetensors",
        tensors: withBatchCounts(tensorsOf(source)),
        metadata: { format: "pt" },
      },
    ];
  },
};

/** timm's models with a distillation token have positions for all tokens, even if told otherwise. */
const tensorsOf = ({ model, weights }: PortableSource) =>
  model.tokens && model.distilled ? withAllPositions(weights, model.tokens) : weights;

/** Settings of deit's models by their names in timm. */
const transformerArguments = {
  imageSize: "img_size",
  channels: "in_chans",
  patchSize: "patch_size",
  width: "embed_dim",
  depth: "depth",
  heads: "num_heads",
  mlpRatio: "mlp_ratio",
  layerScale: "init_values",
  noEmbedClass: "no_embed_class",
  pool: "global_pool",
} as const;

const convnetArguments = {
  channels: "in_chans",
  depth: "depth",
  initialWidth: "w0",
  slope: "wa",
  factor: "wm",
  groupWidth: "group_size",
  squeeze: "se_ratio",
  stemWidth: "stem_width",
} as const;

function configOf(source: PortableSource): Readonly<Record<string, unknown>> {
  const { model, view, classes, license } = source;
  const { imageSize: size } = view;
  const heads = headNames(model);
  const { borderColor } = view;
  if (view.cropMode === "border" && borderColor && `${borderColor}` !== `${meanColor(view.normalization)}`)
    throw new UsageError(
      sentence`The border of the model's images has the colour ${borderColor.join(",")}, and timm's is always the mean, ${meanColor(view.normalization).join(",")}; choose the layout onnx${way`, or another ${setting("borderColor")}`}.`,
    );
  const { architecture, known, anySize } = architectureOf(source);
  const names: Readonly<Record<string, string>> = model.tokens ? transformerArguments : convnetArguments;
  const differing = Object.entries(names).filter(
    ([ours]) =>
      model.config[ours] !== undefined &&
      (anySize || model.config[ours] !== known.config[ours]) &&
      !(model.distilled && ours === "noEmbedClass"),
  );
  const modelArguments = Object.fromEntries(differing.map(([ours, theirs]) => [theirs, model.config[ours]]));
  const last = source.weights.get(`${heads[0]}.weight`)!.shape[1];
  return {
    architecture,
    num_classes: model.classes,
    num_features: last,
    global_pool: model.tokens ? (model.config.pool ?? "token") : "avg",
    ...(classes ? { label_names: classes } : {}),
    model_args: model.tokens ? { ...modelArguments, img_size: size } : modelArguments,
    pretrained_cfg: {
      tag: "deit",
      custom_load: false,
      input_size: [model.channels, ...heightAndWidth(size)],
      ...(model.tokens ? { fixed_input_size: true } : {}),
      interpolation: view.interpolation,
      crop_pct: view.cropRatio,
      crop_mode: view.cropMode,
      mean: view.normalization.mean,
      std: view.normalization.std,
      num_classes: model.classes,
      pool_size: null,
      // timm adapts the first convolution to in_chans, whatever it has.
      first_conv: model.channels !== 3 ? null : model.tokens ? "patch_embed.proj" : "stem.conv",
      classifier: heads.length === 1 ? heads[0] : heads,
      ...(license === undefined ? {} : { license }),
    },
  };
}

/** timm's architecture that the model is one of, and deit's model of that name. */
function architectureOf({ model }: PortableSource): {
  readonly architecture: string;
  readonly known: Model;
  /** Whether that name says nothing of the model's sizes. */
  readonly anySize: boolean;
} {
  const { name, distilled, config } = model;
  const registered = registeredModel(name);
  const refuse = (why: string) => new UsageError(`timm has no model like "${name}": ${why}; choose the layout onnx.`);
  if (!registered || (!model.tokens && !model.parameters.some((p) => p.name === "stem.conv.weight")))
    throw refuse("it is another architecture");
  if (model.tokens && config.normEpsilon !== undefined && config.normEpsilon !== 1e-6)
    throw refuse(`its norms add ${config.normEpsilon} to variances, and timm's 1e-6`);
  if (distilled && headNames(model).length === 1) throw refuse("its distillation token has no head");
  if (!model.tokens && config.stemStride !== 2)
    throw refuse(`the stride of its stem is ${config.stemStride}, and timm's 2`);
  // Whether a model of timm has a distillation token follows from its name alone.
  const own = !registered.anySize && createModel(name).distilled === distilled;
  const architecture = own ? name : namedLike(registered, distilled);
  return { architecture, known: createModel(architecture), anySize: !own };
}

/** A model whose name timm knows, of the same family if it has one; its sizes are given as arguments. */
function namedLike({ family }: RegisteredModel, distilled: boolean): string {
  return [...Object.keys(family.models), ...modelNames()].find(
    (name) => !registeredModel(name)!.anySize && createModel(name).distilled === distilled,
  )!;
}
