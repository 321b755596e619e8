/** What a set of shapes by timm's names is: the published model of these sizes, or the settings of any other. */
import { sameSize, sizeInWords } from "../geometry/image-size.js";
import { type DeitSizes, recognizeDeit } from "./deit-sizes.js";
import { createModel, type ModelOptions, modelNames, registeredModel } from "./registry.js";

/** The named model of these sizes, whatever its class count; its resolution must be the same too, and its family where one is named. */
export function nameOf(sizes: DeitSizes, transformers?: string): string | undefined {
  return modelNames().find((name) => {
    if (transformers !== undefined && registeredModel(name)?.family.transformers !== transformers) return false;
    const known = recognizeDeit(new Map(createModel(name).parameters.map((p) => [p.name, p.shape])));
    return (
      known !== undefined &&
      architecture.every((key) => known[key] === sizes[key]) &&
      sameSize(known.imageSize, sizes.imageSize)
    );
  });
}

const architecture = ["width", "depth", "hidden", "patchSize", "distilled", "layerScale", "noEmbedClass"] as const;

/** Initial factor of LayerScale in DeiT III. */
const usualLayerScale = 1e-6;

/** The model of these sizes and its options: a named one, whatever its resolution, or any other of DeiT's layout. */
export function modelOfSizes(sizes: DeitSizes): { readonly model: string; readonly options: ModelOptions } {
  const { pool } = sizes;
  const name = nameOf(sizes) ?? nameOf({ ...sizes, imageSize: 224 });
  if (name !== undefined) return { model: name, options: { ...imagesOf(sizes), ...(pool ? { pool } : {}) } };
  return { model: "deit", options: optionsOfSizes(sizes) };
}

const imagesOf = ({ imageSize, channels }: DeitSizes): ModelOptions => ({
  imageSize,
  ...(channels === undefined ? {} : { channels }),
});

/** Options of these sizes for a model whose name implies none. */
export function optionsOfSizes(sizes: DeitSizes): ModelOptions {
  const { width, depth, hidden, patchSize, distilled, layerScale, noEmbedClass, pool } = sizes;
  return {
    ...{ width, depth, mlpRatio: hidden / width, patchSize, ...imagesOf(sizes), distilled },
    // The initial factor leaves no trace, and trained weights have their own.
    ...(layerScale ? { layerScale: usualLayerScale } : {}),
    ...(noEmbedClass ? { noEmbedClass } : {}),
    ...(pool ? { pool } : {}),
  };
}

/** The sizes in words, as "deit_tiny_patch16_224 with 1000 classes" or each by its number. */
export function describeDeit(sizes: DeitSizes): string {
  const { width, depth, patchSize, imageSize, distilled, classes } = sizes;
  const name =
    nameOf(sizes) ??
    `a ${distilled ? "distilled " : ""}DeiT of width ${width} with ${depth} blocks, patches of ${patchSize} and ${sizeInWords(imageSize)} pixels`;
  return classes === undefined ? `${name} without a head` : `${name} with ${classes} classes`;
}
