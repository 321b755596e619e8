/** An image with the attention to its patches laid over it. */
import type { RgbImage } from "../data/image.js";

/** Darkest and brightest shares of the image that are left where attention is least and most. */
const [least, most] = [0.25, 1];

/**
 * The image, dark where `attention` (`grid · grid` shares, row by row) is least and warm where it is most, smoothly in
 * between. The order of the shares counts more than their size: maps have few large values and many small ones.
 */
export function overlay({ width, height, data }: RgbImage, attention: Float32Array, grid: number): RgbImage {
  const heat = ranks(attention);
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const h = between(heat, grid, ((y + 0.5) * grid) / height - 0.5, ((x + 0.5) * grid) / width - 0.5);
      const light = least + (most - least) * h;
      const at = (y * width + x) * 3;
      out[at] = Math.min(255, data[at] * light + 70 * h);
      out[at + 1] = Math.min(255, data[at + 1] * light + 25 * h);
      out[at + 2] = data[at + 2] * light;
    }
  }
  return { width, height, data: out };
}

/** Each value's place in the order of all, from 0 to 1; equal ones share the mean of their places. */
function ranks(values: Float32Array): Float32Array {
  const order = [...values.keys()].sort((a, b) => values[a] - values[b]);
  const out = new Float32Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to + 1 < order.length && values[order[to + 1]] === values[order[from]]) to++;
    for (let i = from; i <= to; i++) out[order[i]] = (from + to) / 2 / Math.max(1, order.length - 1);
    from = to + 1;
  }
  return out;
}

/** Bilinear between the centres of the patches. */
function between(map: Float32Array, grid: number, y: number, x: number): number {
  const inside = (v: number) => Math.min(grid - 1, Math.max(0, v));
  const [y0, x0] = [Math.floor(inside(y)), Math.floor(inside(x))];
  const [y1, x1] = [Math.min(grid - 1, y0 + 1), Math.min(grid - 1, x0 + 1)];
  const [v, u] = [inside(y) - y0, inside(x) - x0];
  const row = (r: number) => map[r * grid + x0] * (1 - u) + map[r * grid + x1] * u;
  return row(y0) * (1 - v) + row(y1) * v;
}
