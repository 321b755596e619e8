/** Recognises a model from shapes by timm's names: the sizes of a DeiT, and the published model with these. */
import type { Shape } from "../tensor/index.js";
import { createModel, modelNames } from "./registry.js";

/** The sizes that follow from a DeiT's shapes; the number of heads cannot be inferred. */
export interface DeitSizes {
  readonly width: number;
  readonly depth: number;
  /** Width of the MLP's hidden layer. */
  readonly hidden: number;
  readonly patchSize: number;
  readonly distilled: boolean;
  /** Side of the square input in pixels. */
  readonly imageSize: number;
  /** Undefined if there is no head. */
  readonly classes?: number;
}

export type Shapes = ReadonlyMap<string, Shape>;

/** The sizes of a DeiT (or a ViT of its layout), or undefined if the shapes are those of something else. */
export function recognizeDeit(shapes: Shapes): DeitSizes | undefined {
  const patches = shapes.get("patch_embed.proj.weight");
  const positions = shapes.get("pos_embed");
  const hidden = shapes.get("blocks.0.mlp.fc1.weight");
  if (patches?.length !== 4 || positions?.length !== 3 || hidden?.length !== 2) return undefined;
  const distilled = shapes.has("dist_token");
  const side = Math.sqrt(positions[1] - (distilled ? 2 : 1));
  if (!Number.isInteger(side)) return undefined;
  let depth = 0;
  for (const name of shapes.keys()) {
    const block = /^blocks\.(\d{1,6})\./.exec(name);
    if (block) depth = Math.max(depth, Number(block[1]) + 1);
  }
  return {
    width: patches[0],
    depth,
    hidden: hidden[0],
    patchSize: patches[2],
    distilled,
    imageSize: side * patches[2],
    classes: shapes.get("head.weight")?.[0],
  };
}

/** The registered model with these sizes, whatever its class count; its resolution must match too. */
export function nameOf(sizes: DeitSizes): string | undefined {
  return modelNames().find((name) => {
    const known = recognizeDeit(new Map(createModel(name).parameters.map((p) => [p.name, p.shape])));
    return (
      known !== undefined &&
      architecture.every((key) => known[key] === sizes[key]) &&
      known.imageSize === sizes.imageSize
    );
  });
}

const architecture = ["width", "depth", "hidden", "patchSize", "distilled"] as const;

/** The sizes in words, such as "deit_tiny_patch16_224 with 1000 classes", or as individual numbers. */
export function describeDeit(sizes: DeitSizes): string {
  const { width, depth, patchSize, imageSize, distilled, classes } = sizes;
  const name =
    nameOf(sizes) ??
    `a ${distilled ? "distilled " : ""}DeiT of width ${width} with ${depth} blocks, patches of ${patchSize} and ${imageSize} pixels`;
  return classes === undefined ? `${name} without a head` : `${name} with ${classes} classes`;
}

/** Where two DeiTs differ in more than can be adapted (classes, resolution): the sizes of both. */
export function differences(
  found: DeitSizes,
  wanted: DeitSizes,
): { readonly found: string; readonly wanted: string }[] {
  const words = [
    { key: "width", word: (n: number) => `a width of ${n}` },
    { key: "depth", word: (n: number) => `${n} ${n === 1 ? "block" : "blocks"}` },
    { key: "patchSize", word: (n: number) => `patches of ${n} pixels` },
    { key: "hidden", word: (n: number) => `an MLP of ${n}` },
  ] as const;
  // The width of the MLP follows from the model's width; it is only relevant if it alone differs.
  const relevant = words.filter(
    ({ key }) => found[key] !== wanted[key] && (key !== "hidden" || found.width === wanted.width),
  );
  return relevant.map(({ key, word }) => ({ found: word(found[key]), wanted: String(wanted[key]) }));
}
