/**
 * Stochastic depth (arXiv 1603.09382): each image goes without a residual branch with the probability of its block.
 *
 * Of `n` images `floor(n · rate)` are left out of the branch by a random order, so that it computes only the others, always as many;
 * each of these is dropped by a draw of its own with the probability that is missing. So the probability of each image is the rate,
 * branches draw independently of each other, and kept ones are scaled by 1 / (1 - rate), all as in timm's `drop_path`: the gradient
 * of an image's loss has the same distribution, that of the batch the same expectation. What differs is that the images of a batch (with
 * `cosub` also the two passes of one) depend on each other: the number that is dropped varies less. Several devices draw other numbers
 * than one.
 */
import type { ForwardContext } from "../../models/model.js";
import {
  add,
  compare,
  input,
  keepRows,
  mul,
  placeRows,
  reshape,
  select,
  slice,
  type Tensor,
  take,
} from "../../tensor/index.js";

/** Program input with uniform numbers for stochastic depth: `[sites, batch]`, float32. */
export const dropPathInput = "dropPath";

/**
 * Program input with the images of each group in random order, of which stochastic depth keeps the first, and the place of each
 * image in it: `[sites, 2, groups, images of a group]`, int32.
 */
export const dropPathOrderInput = "dropPathOrder";

/** What stochastic depth is built for. */
export interface StochasticDepthOptions {
  /** Number of images. */
  readonly batch: number;
  /** Number of places that drop paths, counted by a first pass over the model (0 while counting). */
  readonly sites: number;
  /** Devices with equal parts of the batch: each leaves out images of its own part, so that none move (default: 1). */
  readonly devices?: number;
}

/** The part of a forward pass that drops branches. */
export interface StochasticDepth extends Required<Pick<ForwardContext, "dropPath" | "residual">> {
  /** Number of places that dropped paths so far; the host draws that many rows of random numbers per step. */
  readonly dropPathSites: () => number;
}

/**
 * How a group of so many images has a branch dropped at `rate`: so many are left out, and each of the others is dropped with
 * the probability `rest`.
 */
export function dropsOf(images: number, rate: number): { readonly leftOut: number; readonly rest: number } {
  const leftOut = Math.floor(images * rate + 1e-9); // 0.29 · 100 is a little less than 29
  return { leftOut, rest: Math.max(0, (images * rate - leftOut) / (images - leftOut)) };
}

/** Stochastic depth for a pass over a model. */
export function stochasticDepth({ batch, sites, devices = 1 }: StochasticDepthOptions): StochasticDepth {
  const groups = batch % devices === 0 ? devices : 1; // engines refuse a batch that they cannot divide
  const images = batch / groups;
  let used = 0;
  const uniform = (site: number) => slice(input(dropPathInput, "float32", [sites, batch]), 0, site, site + 1);
  const dropPath = (x: Tensor, rate: number): Tensor => {
    if (rate === 0) return x;
    const site = used++;
    return sites === 0 ? x : scaled(x, uniform(site), rate, rate);
  };
  return {
    dropPath,
    residual: (x, branch, rate, shortcut) => {
      const { leftOut, rest } = dropsOf(images, rate);
      if (leftOut === 0) return add(shortcut, dropPath(branch(x), rate));
      const site = used++;
      if (sites === 0) return add(shortcut, branch(x));
      const order = take(input(dropPathOrderInput, "int32", [sites, 2, groups, images]), 0, site);
      const first = (row: Tensor) => slice(row, 1, 0, images - leftOut);
      const kept = { rows: first(take(order, 0, 0)), places: take(order, 0, 1) };
      const y = branch(flat(keepRows(grouped(x, groups), kept)));
      // Draws of their own decide on the kept ones; each device reads those of its images.
      const dropped = scaled(y, first(reshape(uniform(site), [groups, images])), rest, rate);
      return add(shortcut, flat(placeRows(grouped(dropped, groups), kept)));
    },
    dropPathSites: () => used,
  };
}

/** `x` without the images whose number is below `probability`; the others are scaled, so that the expectation stays. */
function scaled(x: Tensor, uniform: Tensor, probability: number, rate: number): Tensor {
  const factor = select(compare("GE", uniform, probability), 1 / (1 - rate), 0);
  return mul(x, reshape(factor, [x.shape[0], ...x.shape.slice(1).map(() => 1)]));
}

const grouped = (x: Tensor, groups: number): Tensor => reshape(x, [groups, x.shape[0] / groups, ...x.shape.slice(1)]);

const flat = (x: Tensor): Tensor => reshape(x, [x.shape[0] * x.shape[1], ...x.shape.slice(2)]);
