/** Shares of the epochs of a run as numbers of epochs. */

/** Rounding of products such as 0.07 · 100. */
export const slack = 1e-9;

/** Number of first epochs that a share of them has touched. */
export const epochsWithin = (share: number, epochs: number): number => Math.ceil(epochs * share - slack);
