/**
 * The built-in dataset: ten kinds of shapes at random places, sizes, angles and colours over clutter, drawn from
 * formulas. No class has a characteristic position or colour, so a linear classifier on pixels learns almost nothing;
 * more of the variety `upright`, whose shapes are large and lighter than the background.
 */
import type { Dataset } from "../dataset/dataset.js";
import { shapes, type VarietyName } from "../pixels/procedural-image.js";

const classes = Object.keys(shapes);

export function proceduralDataset({
  size,
  count,
  split,
  variety = "any",
}: {
  size: number;
  count: number;
  split: "train" | "test";
  variety?: VarietyName;
}): Dataset {
  const seed = (index: number) => index * 2 + (split === "train" ? 0 : 1);
  const plain = variety === "any";
  return {
    name: `procedural ${size}×${size}${plain ? "" : `, ${variety}`}`,
    classes,
    length: count,
    label: (i) => i % classes.length,
    source: (i) => ({
      ...{ kind: "procedural", size, seed: seed(i), label: i % classes.length },
      ...(plain ? {} : { variety }),
    }),
    describe: (i) => `procedural ${split} image ${i}`,
    key: (i) => `${split} ${i}`,
  };
}
