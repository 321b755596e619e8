/** Attention drawn over the picture, and in words. */
import type { Maps, Seen } from "../engine/protocol";

/** Which map: through all layers, or of one head of the last layer. */
export type Shown = "none" | "rollout" | number;

/** The chosen map; undefined for none. */
export const mapOf = (maps: Maps | undefined, shown: Shown): ArrayLike<number> | undefined => {
  if (!maps || shown === "none") return undefined;
  return shown === "rollout" ? maps.rollout : maps.heads[shown];
};

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The part of a picture of that size that the model sees; with a border, it is larger than the picture. */
export function seenBox({ imageSize, cropRatio, cropMode }: Seen, width: number, height: number): Box {
  const [down, across] = typeof imageSize === "number" ? [1, 1] : imageSize;
  const scales = [width / across, height / down];
  const scale = cropMode === "border" ? Math.max(...scales) : Math.min(...scales);
  const [w, h] = cropMode === "squash" ? [width, height] : [scale * across, scale * down];
  const box = { width: cropRatio * w, height: cropRatio * h };
  return { ...box, x: (width - box.width) / 2, y: (height - box.height) / 2 };
}

/** From dark violet to light yellow; equal steps look equal, also to readers who see fewer colours (matplotlib's inferno). */
const scale = [
  [0, 0, 4],
  [66, 10, 104],
  [147, 38, 103],
  [221, 81, 58],
  [252, 165, 10],
  [252, 255, 164],
] as const;

function colourOf(share: number): readonly [number, number, number] {
  const at = share * (scale.length - 1);
  const low = Math.min(scale.length - 2, Math.floor(at));
  const mix = (channel: 0 | 1 | 2) =>
    scale[low][channel] + (at - low) * (scale[low + 1][channel] - scale[low][channel]);
  return [mix(0), mix(1), mix(2)];
}

/** Values from 0 to 1, the smallest and the largest of the map. */
function spread(map: ArrayLike<number>): Float32Array {
  const values = Float32Array.from(map);
  const low = values.reduce((a, b) => Math.min(a, b));
  const range = values.reduce((a, b) => Math.max(a, b)) - low || 1;
  return values.map((value) => (value - low) / range);
}

interface Drawing {
  readonly picture: ImageBitmap;
  readonly seen: Seen;
  readonly map?: ArrayLike<number>;
  readonly grid: Maps["grid"];
  /** Opacity of the map, from 0 to 1. */
  readonly strength: number;
}

/** Pixels of a drawing's longer side at most. */
const largestSide = 1200;

/** The picture, with what the model does not see darkened and the map over the rest. */
export function draw(canvas: HTMLCanvasElement, { picture, seen, map, grid, strength }: Drawing): void {
  const shrink = Math.min(1, largestSide / Math.max(picture.width, picture.height));
  canvas.width = Math.max(1, Math.round(picture.width * shrink));
  canvas.height = Math.max(1, Math.round(picture.height * shrink));
  const context = canvas.getContext("2d");
  if (!context) return;
  const { width, height } = canvas;
  context.drawImage(picture, 0, 0, width, height);
  if (!map) return;
  const box = seenBox(seen.cropMode === "native" ? { ...seen, imageSize: grid } : seen, width, height);
  context.fillStyle = `rgb(0 0 0 / ${0.8 * strength})`;
  context.beginPath();
  context.rect(0, 0, width, height);
  context.rect(box.x, box.y, box.width, box.height);
  context.fill("evenodd");
  context.imageSmoothingQuality = "high";
  context.globalAlpha = strength;
  context.drawImage(heat(map, grid), box.x, box.y, box.width, box.height);
  context.globalAlpha = 1;
}

/** Patches without attention are darkened only so far, so that they can be recognised. */
const leastOpaque = 0.6;

/** The map, a pixel for each patch. */
function heat(map: ArrayLike<number>, [rows, columns]: Maps["grid"]): HTMLCanvasElement {
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  const pixels = new ImageData(columns, rows);
  for (const [i, share] of spread(map).entries())
    pixels.data.set([...colourOf(share), 255 * (leastOpaque + (1 - leastOpaque) * share)], 4 * i);
  small.getContext("2d")?.putImageData(pixels, 0, 0);
  return small;
}

const rowNames = ["top", "middle", "bottom"] as const;
const columnNames = ["left", "centre", "right"] as const;

/** Where attention is strongest: "top left", "centre". */
export function strongest(map: ArrayLike<number>, [rows, columns]: Maps["grid"]): string {
  const best = Array.from(map).reduce((at, value, i, all) => (value > all[at] ? i : at), 0);
  const third = (at: number, count: number) => Math.min(2, Math.floor((3 * (at + 0.5)) / count));
  const row = rowNames[third(Math.floor(best / columns), rows)];
  const column = columnNames[third(best % columns, columns)];
  return row === "middle" && column === "centre" ? "centre" : `${row} ${column}`;
}
