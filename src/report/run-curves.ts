/** The curves of runs over their epochs: loss, accuracy, learning rate and throughput. */
import type { EpochLine } from "../training/run-summary.js";
import type { LineChart } from "./plot.js";
import type { LabelledRun } from "./reported-run.js";

interface Curve {
  readonly name: string;
  value(epoch: EpochLine): number | null | undefined;
}

interface Quantity {
  readonly title: string;
  readonly axis: string;
  readonly curves: readonly Curve[];
}

const quantities: readonly Quantity[] = [
  {
    title: "Loss",
    axis: "loss",
    curves: [
      { name: "training", value: (e) => e.trainLoss },
      { name: "test", value: (e) => e.test?.loss },
    ],
  },
  {
    title: "Top-1 accuracy",
    axis: "percent",
    curves: [
      { name: "training", value: (e) => e.trainTop1 },
      { name: "test", value: (e) => e.test?.top1 },
    ],
  },
  { title: "Learning rate", axis: "rate", curves: [{ name: "rate", value: (e) => e.lr }] },
  { title: "Throughput", axis: "images/s", curves: [{ name: "images/s", value: (e) => e.imagesPerSecond }] },
];

/** Of one run, training and test share a plot; of several, each has its own, with a curve per run. */
export function runCurves(runs: readonly LabelledRun[]): LineChart[] {
  const series = ({ run }: LabelledRun, name: string, curve: Curve) => ({
    name,
    points: run.epochs.flatMap((e) => {
      const y = curve.value(e);
      return typeof y === "number" ? [{ x: e.epoch, y }] : [];
    }),
  });
  const charts = quantities.flatMap(({ title, axis, curves }) =>
    runs.length === 1
      ? [{ title, axis, series: curves.map((curve) => series(runs[0], curve.name, curve)) }]
      : curves.map((curve) => ({
          title: curves.length === 1 ? title : `${title}: ${curve.name}`,
          axis,
          series: runs.map((each) => series(each, each.label, curve)),
        })),
  );
  return charts.flatMap(({ title, axis, series: all }) => {
    const drawn = all.filter((s) => s.points.length > 0);
    if (drawn.length === 0) return [];
    // A wider plot would have letters too small on a telephone.
    return [
      { kind: "lines", title, width: 440, height: 280, x: { label: "epoch" }, y: { label: axis }, series: drawn },
    ];
  });
}
