/** What a set of shapes by timm's names is: the sizes of a DeiT, and the published model that has them. */
import type { Shape } from "../tensor/index.js";
import { createModel, modelNames } from "./registry.js";

/** What the shapes of a DeiT tell; the number of heads leaves no trace in them. */
export interface DeitSizes {
  readonly width: number;
  readonly depth: number;
  /** Width of the MLP's hidden layer. */
  readonly hidden: number;
  readonly patchSize: number;
  readonly distilled: boolean;
  /** Side of the square input in pixels. */
  readonly imageSize: number;
  /** Undefined where there is no head. */
  readonly classes?: number;
}

export type Shapes = ReadonlyMap<string, Shape>;

/** The sizes of a DeiT (or a ViT of its layout), or undefined when the shapes are those of something else. */
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

/** The named model of these sizes, whatever its class count; its resolution must be the same too. */
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

/** The sizes in words, as "deit_tiny_patch16_224 with 1000 classes" or each by its number. */
export function describeDeit(sizes: DeitSizes): string {
  const { width, depth, patchSize, imageSize, distilled, classes } = sizes;
  const name =
    nameOf(sizes) ??
    `a ${distilled ? "distilled " : ""}DeiT of width ${width} with ${depth} blocks, patches of ${patchSize} and ${imageSize} pixels`;
  return classes === undefined ? `${name} without a head` : `${name} with ${classes} classes`;
}

/** Where two DeiTs differ beyond what can be adapted (classes, resolution): the one's size and the other's. */
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
  // The width of the MLP goes with the width; alone it says something.
  const relevant = words.filter(
    ({ key }) => found[key] !== wanted[key] && (key !== "hidden" || found.width === wanted.width),
  );
  return relevant.map(({ key, word }) => ({ found: word(found[key]), wanted: String(wanted[key]) }));
}
