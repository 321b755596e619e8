/**
 * The colours of a heatmap, from low to high: dark violet through red to yellow, distinguishable with colour blindness.
 */

/** matplotlib's "inferno" at equal steps, sRGB. */
const stops: readonly (readonly [number, number, number])[] = [
  [0, 0, 4],
  [87, 16, 110],
  [188, 55, 84],
  [249, 142, 9],
  [252, 255, 164],
];

/** The colour of a share from 0 to 1. */
export function heatColour(share: number): readonly [number, number, number] {
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const from = Math.min(stops.length - 2, Math.floor(at));
  const [a, b] = [stops[from], stops[from + 1]];
  const mix = (i: 0 | 1 | 2) => a[i] + (b[i] - a[i]) * (at - from);
  return [mix(0), mix(1), mix(2)];
}

/** The same as stops of a CSS gradient. */
export const heatCss = stops.map((c) => `rgb(${c.join(" ")})`).join(",");
