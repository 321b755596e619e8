/** The curves of runs over their epochs: loss, accuracy, learning rate and throughput. */
import type { EpochLine } from "../training/run-folder/summary.js";
import type { LineChart, Series } from "./plot.js";
import { rangeOf } from "./range.js";
import type { LabelledRun } from "./reported-run.js";
import { chanceOf } from "./verdict.js";

interface Curve {
  readonly name: string;
  value(epoch: EpochLine): number | null | undefined;
}

interface Quantity {
  readonly title: string;
  readonly axis: string;
  readonly curves: readonly Curve[];
  /** A reference line that depends on the number of classes. */
  readonly level?: { readonly name: string; value(classes: number): number };
}

const chance = "chance";

/** The quantities drawn; accuracy and loss are of the part evaluated after each epoch. */
const quantitiesOf = (part: string): readonly Quantity[] => [
  {
    title: "Loss",
    axis: "loss",
    curves: [
      { name: "training", value: (e) => e.trainLoss },
      { name: part, value: (e) => e.test?.loss },
    ],
  },
  {
    title: "Parts of the training loss",
    axis: "loss",
    curves: [
      { name: "labels", value: (e) => e.lossParts?.task },
      { name: "distillation", value: (e) => e.lossParts?.distillation },
      { name: "features", value: (e) => e.lossParts?.features },
      { name: "consistency", value: (e) => e.lossParts?.consistency },
    ],
  },
  {
    title: "Top-1 accuracy",
    axis: "percent",
    curves: [
      { name: "training", value: (e) => (e.test?.map === undefined ? e.trainTop1 : undefined) },
      { name: part, value: (e) => (e.test?.map === undefined ? e.test?.top1 : undefined) },
    ],
    level: { name: chance, value: chanceOf },
  },
  { title: "Mean average precision", axis: "percent", curves: [{ name: part, value: (e) => e.test?.map }] },
  {
    title: "Mean of the classes' top-1",
    axis: "percent",
    curves: [{ name: part, value: (e) => e.test?.meanClassTop1 }],
  },
  { title: "Learning rate", axis: "rate", curves: [{ name: "rate", value: (e) => e.lr }] },
  { title: "Throughput", axis: "images/s", curves: [{ name: "images/s", value: (e) => e.imagesPerSecond }] },
];

/** The level over all epochs, if it is the same for all runs. */
function levels(runs: readonly LabelledRun[], level: Quantity["level"]): Series[] {
  const classes = new Set(runs.map(({ run }) => run.manifest.classes));
  const epochs = runs.flatMap(({ run }) => run.epochs.map((e) => e.epoch));
  if (!level || classes.size > 1 || epochs.length === 0) return [];
  const y = level.value([...classes][0]);
  const ends = [...new Set(rangeOf(epochs))];
  return [{ name: level.name, points: ends.map((x) => ({ x, y })) }];
}

/** For one run, training and test share a plot; for several, each has its own, with a curve per run. */
export function runCurves(runs: readonly LabelledRun[]): LineChart[] {
  const series = ({ run }: LabelledRun, name: string, curve: Curve) => ({
    name,
    points: run.epochs.flatMap((e) => {
      const y = curve.value(e);
      return typeof y === "number" ? [{ x: e.epoch, y }] : [];
    }),
  });
  const parts = new Set(runs.map(({ run }) => run.manifest.testPart ?? "test"));
  const charts = quantitiesOf([...parts].join(" or ")).flatMap(({ title, axis, curves, level }) =>
    runs.length === 1
      ? [
          {
            title,
            axis,
            series: [...curves.map((curve) => series(runs[0], curve.name, curve)), ...levels(runs, level)],
          },
        ]
      : curves.map((curve) => ({
          title: curves.length === 1 ? title : `${title}: ${curve.name}`,
          axis,
          series: [...runs.map((each) => series(each, each.label, curve)), ...levels(runs, level)],
        })),
  );
  return charts.flatMap(({ title, axis, series: all }) => {
    const drawn = all.filter((s) => s.points.length > 0);
    if (drawn.every(({ name }) => name === chance)) return [];
    // On a phone, the text of a wider plot would be too small.
    return [
      { kind: "lines", title, width: 440, height: 280, x: { label: "epoch" }, y: { label: axis }, series: drawn },
    ];
  });
}
