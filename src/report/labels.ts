/** Places labels of a plot so that they do not overlap. All lengths are in pixels. */

/** Width of a text in the plots' font, estimated generously. */
export const textWidth = (text: string, fontSize = 12): number => [...text].length * fontSize * 0.58;

/** Positions as close to `wanted` as the distance `gap` allows, kept within `low` and `high` if they fit. */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  const order = [...wanted.keys()].sort((a, b) => wanted[a] - wanted[b]);
  // Touching labels form a block whose mean is kept; blocks that then touch are merged.
  const blocks: { items: number[]; start: number }[] = [];
  const place = (items: number[]) => {
    const mean = items.reduce((sum, i) => sum + wanted[i], 0) / items.length;
    const length = (items.length - 1) * gap;
    return { items, start: Math.max(low, Math.min(high - length, mean - length / 2)) };
  };
  for (const i of order) {
    let block = place([i]);
    for (let last = blocks.at(-1); last && last.start + last.items.length * gap > block.start; last = blocks.at(-1)) {
      blocks.pop();
      block = place([...last.items, ...block.items]);
    }
    blocks.push(block);
  }
  const placed = new Array<number>(wanted.length);
  for (const { items, start } of blocks) {
    items.forEach((i, at) => {
      placed[i] = start + at * gap;
    });
  }
  return placed;
}

export type Side = "right" | "left" | "above" | "below";
const sides: readonly Side[] = ["right", "left", "above", "below"];

export interface Marked {
  readonly x: number;
  readonly y: number;
  readonly label: string;
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** For each point, the side on which its label overlaps least with other labels, points and the outside of `frame`. */
export function labelSides(points: readonly Marked[], frame: Box): Side[] {
  const taken: Box[] = points.map(({ x, y }) => ({ left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 }));
  return points.map((point) => {
    let best: { side: Side; box: Box; cost: number } | undefined;
    for (const side of sides) {
      const box = labelBox(point, side);
      const cost = taken.reduce((sum, other) => sum + overlap(box, other), 0) + 4 * (area(box) - overlap(box, frame));
      if (!best || cost < best.cost - 1e-9) best = { side, box, cost };
    }
    taken.push(best!.box);
    return best!.side;
  });
}

function labelBox({ x, y, label }: Marked, side: Side): Box {
  const [width, height, away] = [textWidth(label), 14, 8];
  const left = side === "right" ? x + away : side === "left" ? x - away - width : x - width / 2;
  const top = side === "above" ? y - away - height : side === "below" ? y + away : y - height / 2;
  return { left, right: left + width, top, bottom: top + height };
}

const area = (b: Box): number => (b.right - b.left) * (b.bottom - b.top);

const overlap = (a: Box, b: Box): number =>
  Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
  Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
