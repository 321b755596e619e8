/** Sizes for images in their native aspect ratio: each costs a model about as much as its own size. */
import { type Grid, heightAndWidth, type ImageSize, imageSizeOf, plainSize } from "./image-size.js";

/** Aspect ratios of photos from the square on; the last one stands for all that are longer. */
const aspects = [1, 4 / 3, 3 / 2, 2];

/** How far a shape is from an aspect ratio: their quotient, above 1. */
const distance = (shape: number, aspect: number): number => Math.max(shape / aspect, aspect / shape);

/**
 * Sizes whose sides are multiples of `multiple` and which have at most as many patches of that side as `size`: the one nearest
 * to each usual aspect ratio from 1:2 to 2:1 among those with the most columns for their rows, the square first, then each
 * wide one and the same upright; of a size with too few patches, it alone. Of 224 and 16: 14×14, 12×16, 16×12, 11×17, 17×11, 10×19 and 19×10 patches.
 */
export function nativeSizes(size: ImageSize, multiple: number): readonly ImageSize[] {
  const [down, across] = heightAndWidth(size).map((side) => Math.floor(side / multiple));
  const patches = down * across;
  const most = Math.floor(Math.sqrt(patches));
  if (most < 2) return [plainSize(size)];
  const wide = Array.from({ length: most }, (_, i): Grid => [most - i, Math.floor(patches / (most - i))]);
  const grids = aspects.flatMap((aspect): Grid[] => {
    if (aspect === 1) return [[most, most]];
    const [rows, columns] = wide.reduce((best, grid) => (further(best, grid, aspect) ? grid : best));
    return rows === columns
      ? []
      : [
          [rows, columns],
          [columns, rows],
        ];
  });
  return [...new Map(grids.map((grid) => [grid.join(), grid])).values()].map(([rows, columns]) =>
    imageSizeOf(rows * multiple, columns * multiple),
  );
}

const further = (one: Grid, other: Grid, aspect: number): boolean =>
  distance(one[1] / one[0], aspect) > distance(other[1] / other[0], aspect);

/** Index of the size whose aspect ratio is nearest to an image's; of two that are as near, the first. */
export function nearestSize(
  { width, height }: { readonly width: number; readonly height: number },
  sizes: readonly ImageSize[],
): number {
  const distances = sizes.map((size) => {
    const [rows, columns] = heightAndWidth(size);
    return distance(columns / rows, width / height);
  });
  return distances.indexOf(Math.min(...distances));
}
