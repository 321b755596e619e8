/** `deit lr-find`: the learning-rate range test. */
import { type Command, Option } from "commander";
import type { Precision } from "../../engines/engine.js";
import type { EngineChoice } from "../../engines/open.js";
import { UsageError } from "../../errors/errors.js";
import type { Chart } from "../../report/plot.js";
import type { Recipe } from "../../training/recipe/recipe.js";
import { type RangeTest, rateRangeTest, scatterOf } from "../../training/study/lr-range.js";
import { openTrial } from "../../training/study/trial.js";
import { chosenRun } from "../inputs/chosen-run.js";
import {
  chosenSplitOption,
  engineOptions,
  positive,
  wholeNumber,
  withEngine,
  workersOption,
} from "../options/options.js";
import { type Asked, dataAndRecipe, type RecipeChoice, recipeOptions, requireData } from "../options/recipe.js";
import { type Ending, interruptible } from "../output/interruption.js";
import { preparing } from "../output/opening-progress.js";
import { print } from "../output/output.js";
import { checkPlotFile, writePlot } from "../output/plot-file.js";
import { createProgress } from "../output/progress.js";
import { textTable } from "../output/table.js";
import { relaunched } from "../processes/relaunched.js";

export function define(command: Command): void {
  chosenSplitOption(recipeOptions(engineOptions(command)))
    .option("--from <rate>", "first learning rate, as the optimizer sees it", positive, 1e-6)
    .option("--to <rate>", "last learning rate", positive, 1)
    .option("--steps <n>", "optimizer steps between the two", wholeNumber(10), 100)
    .option("--plot <file>", "write the curve as .svg or .png")
    .addOption(workersOption())
    .addOption(new Option("--on-bad-image <what>", "stop or skip").choices(["stop", "skip"]).default("stop"))
    .addOption(new Option("--precision <format>", "number format").choices(["float32", "bfloat16"]).default("float32"))
    .option("--json", "print one JSON value")
    .addHelpText(
      "after",
      `
Trains with the recipe's data, model and optimizer while multiplying the learning rate by a constant factor at every step,
until the loss diverges. Reports the rate at which the loss falls fastest. No weights are kept. With scaleLr, as in the
packaged recipes, the optimizer uses lr × batch / 512; both values are shown.

Example:
  deit lr-find small-data photos/ --plot rate.svg`,
    )
    .action((first: string | undefined, second: string | undefined, options: Options) =>
      interruptible(async (signal, ending) => run(await dataAndRecipe(first, second, options), signal, ending)),
    );
}

interface Options extends EngineChoice, RecipeChoice {
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  readonly plot?: string;
  readonly split?: string;
  readonly workers: number;
  readonly onBadImage: "stop" | "skip";
  readonly precision: Precision;
  readonly json?: boolean;
}

async function run({ data: named, options }: Asked<Options>, signal: AbortSignal, ending: Ending): Promise<void> {
  const data = requireData(named);
  const { from, to, steps, plot, json: quiet } = options;
  if (!(from > 0 && to > from))
    throw new UsageError(`The rate cannot grow from ${from} to ${to}; give a --from above 0 and a larger --to.`);
  await checkPlotFile(plot);
  if (await relaunched(options, ending)) return;
  const { recipe, split } = await chosenRun({ ...options, data, steps: true });
  const progress = createProgress({ title: "learning rate", total: steps, unit: "steps", quiet });
  let images = 0;
  const result = await withEngine(options, async (engine) => {
    const trial = await openTrial({
      ...options,
      data,
      recipe,
      split,
      engine,
      signal,
      fitHeads: true,
      onEvent: preparing(),
    });
    images = trial.images;
    return rateRangeTest(trial, {
      ...{ from, to, steps },
      onPoint: ({ lr, smoothed }, n) =>
        progress.update(n, [`lr ${lr.toExponential(1)}`, `loss ${smoothed.toFixed(3)}`]),
    }).finally(() => trial.close());
  }).finally(progress.stop);
  await writePlot(plot, chart(result));
  const { points, diverged, suggestion } = result;
  const recipeLr = suggestion === undefined ? undefined : asInRecipe(suggestion, recipe);
  if (quiet) print(JSON.stringify({ suggestion, recipeLr, batchSize: recipe.batchSize, diverged, points }));
  else print(`${table(result)}\n\n${sentence(result, recipe, recipeLr)}${memorised(result, recipe, images)}`);
}

/** The recipe's `lr` for a rate in the program: the inverse of the paper's rule, lr × batch / 512. */
const asInRecipe = (rate: number, { scaleLr, batchSize }: Recipe): number =>
  scaleLr ? (rate * 512) / batchSize : rate;

const shown = (rate: number): string => rate.toPrecision(2).replace(/e([+-])0*/, "e$1");

function sentence({ suggestion, points, diverged }: RangeTest, recipe: Recipe, recipeLr: number | undefined): string {
  if (suggestion === undefined || recipeLr === undefined)
    return points.length < 10
      ? "The loss ran away at once; begin lower, with --from."
      : `The loss nowhere falls by more than it scatters (about ±${scatterOf(points).toFixed(2)} from step to step), so this test tells nothing about the rate; keep the recipe's --lr ${recipe.lr}, or try again with more --steps or a larger --batch-size.`;
  const end = diverged ? `The loss runs away at ${shown(points.at(-1)!.lr)}.` : "The loss did not run away.";
  const rule = recipe.scaleLr ? `, for a batch of 512; ${recipe.batchSize} images train at ${shown(suggestion)}` : "";
  return `${end} It falls fastest at ${shown(suggestion)}: set --lr ${shown(recipeLr)}${rule}.`;
}

/** Passes over the images above which a falling loss may only mean that they are memorised. */
const manyPasses = 20;

function memorised({ suggestion, points }: RangeTest, { batchSize }: Recipe, images: number): string {
  const passes = Math.round((points.length * batchSize) / images);
  return suggestion === undefined || passes <= manyPasses
    ? ""
    : ` The test went ${passes} times through ${images} images, so the loss may fall because they are memorised: take this as a rough guess, or try fewer --steps.`;
}

/** About twenty of the points. */
function table({ points, suggestion }: RangeTest): string {
  const every = Math.max(1, Math.ceil(points.length / 20));
  const rows = points
    .filter((p, i) => i % every === 0 || p.lr === suggestion || i === points.length - 1)
    .map((p) => [
      p.lr.toExponential(2),
      p.loss.toFixed(4),
      p.smoothed.toFixed(4),
      p.lr === suggestion ? "fastest" : "",
    ]);
  return textTable(["rate", "loss", "smoothed", ""], rows);
}

function chart({ points, suggestion }: RangeTest): Chart {
  return {
    kind: "lines",
    title: "Learning-rate range test",
    note:
      suggestion === undefined
        ? "The loss nowhere falls by more than it scatters"
        : `The loss falls fastest at ${shown(suggestion)}`,
    x: { label: "learning rate", scale: "log" },
    y: { label: "training loss", domain: usefulPart(points) },
    marks: suggestion === undefined ? [] : [{ x: suggestion, label: shown(suggestion) }],
    series: [
      { name: "smoothed", points: points.map((p) => ({ x: p.lr, y: p.smoothed })) },
      { name: "loss", points: points.map((p) => ({ x: p.lr, y: p.loss })) },
    ],
  };
}

/** From below the lowest average to as far above the first ones: once the loss diverges, its value is meaningless. */
function usefulPart(points: RangeTest["points"]): readonly [number, number] | undefined {
  if (points.length === 0) return undefined;
  const averages = points.map((p) => p.smoothed);
  const [low, first] = [Math.min(...averages), Math.max(...averages.slice(0, Math.ceil(points.length / 5)))];
  const air = Math.max(0.35 * (first - low), 3 * scatterOf(points), 0.02 * Math.abs(first));
  return [Math.max(0, low - air), first + air];
}
