/** The sizes of a DeiT as the shapes of its tensors tell them. */
import type { Channels } from "../geometry/channels.js";
import { type Grid, heightAndWidth, type ImageSize, imageSizeOf, pixelCount } from "../geometry/image-size.js";
import type { NamedTensors } from "../tensor/index.js";
import { channelsIn, type Shapes } from "./families/family.js";

/** What the shapes of a DeiT tell; the number of heads leaves no trace in them. */
export interface DeitSizes {
  readonly width: number;
  readonly depth: number;
  /** Width of the MLP's hidden layer. */
  readonly hidden: number;
  readonly patchSize: number;
  readonly distilled: boolean;
  /** Set where branches have LayerScale. */
  readonly layerScale?: true;
  /** Set where only patches have positions. */
  readonly noEmbedClass?: true;
  /** Set where the head reads the mean of the patches. */
  readonly pool?: "avg";
  /** Channels of the images, where they are not three. */
  readonly channels?: Channels;
  /** Size of the input in pixels. */
  readonly imageSize: ImageSize;
  /** Undefined where there is no head. */
  readonly classes?: number;
}

/** The shapes of tensors by name. */
export const shapesOf = (tensors: NamedTensors): Shapes =>
  new Map([...tensors].map(([name, { shape }]) => [name, shape]));

/** Whether the head reads the mean of the patches: it has a norm, and the tokens have none. */
export const readsPatches = (shapes: Shapes): boolean => shapes.has("fc_norm.weight") && !shapes.has("norm.weight");

/**
 * The grid of so many patches of images of this size, if it has as many; otherwise that of a square, if there is one. Their
 * number alone does not tell other shapes.
 */
export function patchGrid(count: number, patchSize: number, imageSize?: ImageSize): Grid | undefined {
  const [rows, columns] = imageSize === undefined ? [0, 0] : heightAndWidth(imageSize).map((side) => side / patchSize);
  if (rows * columns === count && Number.isInteger(rows)) return [rows, columns];
  const side = Math.sqrt(count);
  return Number.isInteger(side) ? [side, side] : undefined;
}

/**
 * The sizes of a DeiT (or a ViT of its layout), or undefined when the shapes are those of something else. Images that are
 * not square are recognised by their size only.
 */
export function recognizeDeit(shapes: Shapes, imageSize?: ImageSize): DeitSizes | undefined {
  const patches = shapes.get("patch_embed.proj.weight");
  const positions = shapes.get("pos_embed");
  const hidden = shapes.get("blocks.0.mlp.fc1.weight");
  if (patches?.length !== 4 || positions?.length !== 3 || hidden?.length !== 2) return undefined;
  const distilled = shapes.has("dist_token");
  const [, count] = positions;
  const [, , patchSize] = patches;
  // No square is one or two above another but 1, so the number of positions tells which tokens have one.
  const others = [0, distilled ? 2 : 1] as const;
  const stated = imageSize !== undefined && others.find((n) => pixelCount(imageSize) === (count - n) * patchSize ** 2);
  const without = typeof stated === "number" ? stated : others.find((n) => Number.isInteger(Math.sqrt(count - n)));
  const grid = without === undefined ? undefined : patchGrid(count - without, patchSize, imageSize);
  if (!grid) return undefined;
  const noEmbedClass = without === 0;
  let depth = 0;
  for (const name of shapes.keys()) {
    const block = /^blocks\.(\d{1,6})\./.exec(name);
    if (block) depth = Math.max(depth, Number(block[1]) + 1);
  }
  return {
    width: patches[0],
    depth,
    hidden: hidden[0],
    patchSize,
    distilled,
    ...(shapes.has("blocks.0.ls1.gamma") ? { layerScale: true } : {}),
    ...(noEmbedClass ? { noEmbedClass } : {}),
    ...(readsPatches(shapes) ? { pool: "avg" } : {}),
    ...channelsIn(patches),
    imageSize: imageSizeOf(grid[0] * patchSize, grid[1] * patchSize),
    classes: shapes.get("head.weight")?.[0],
  };
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
