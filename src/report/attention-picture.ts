/** An image overlaid with the attention to its patches. */

import type { RgbImage } from "../data/pixels/image.js";
import type { Grid } from "../geometry/image-size.js";
import { heatColour } from "./heat-colours.js";

/** Weight of the heatmap's colour; the rest is the image in grey, so that both are visible. */
const colourShare = 0.6;

/** Shares above this quantile all get the top colour: rollout has a few very large ones. */
const top = 0.98;

/**
 * The image in grey under a heatmap of `attention` (`rows · columns` shares, row by row), interpolated between the centres
 * of the patches. The scale goes from the smallest share in the image to its 98th percentile.
 */
export function overlay({ width, height, data }: RgbImage, attention: Float32Array, grid: Grid): RgbImage {
  const heat = scaled(attention);
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const h = between(heat, grid, ((y + 0.5) * grid[0]) / height - 0.5, ((x + 0.5) * grid[1]) / width - 0.5);
      const at = (y * width + x) * 3;
      const grey = 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
      heatColour(h).forEach((colour, c) => {
        out[at + c] = Math.round(colourShare * colour + (1 - colourShare) * grey);
      });
    }
  }
  return { width, height, data: out };
}

/** From 0 at the smallest share to 1 at the quantile and above; 0 if all are equal. */
function scaled(values: Float32Array): Float32Array {
  const sorted = Float32Array.from(values).sort();
  const [least, most] = [sorted[0], sorted[Math.ceil(top * (sorted.length - 1))]];
  return values.map((v) => (most > least ? Math.min(1, (v - least) / (most - least)) : 0));
}

/** Bilinear interpolation between the centres of the patches. */
function between(map: Float32Array, [rows, columns]: Grid, y: number, x: number): number {
  const inside = (v: number, count: number) => Math.min(count - 1, Math.max(0, v));
  const [yi, xi] = [inside(y, rows), inside(x, columns)];
  const [y0, x0] = [Math.floor(yi), Math.floor(xi)];
  const [y1, x1] = [Math.min(rows - 1, y0 + 1), Math.min(columns - 1, x0 + 1)];
  const [v, u] = [yi - y0, xi - x0];
  const row = (r: number) => map[r * columns + x0] * (1 - u) + map[r * columns + x1] * u;
  return row(y0) * (1 - v) + row(y1) * v;
}
