/** `deit train`: train a model on a folder of images. */
import { type Command, Option } from "commander";
import { placeFromEnvironment } from "../../cluster/rank-environment.js";
import { parseSplitRule } from "../../data/dataset/split.js";
import { InterruptedError, PausedError } from "../../errors/errors.js";
import { decidingText, measureOf, usualMetric } from "../../evaluation/eval-metric.js";
import { makeResultsFolder } from "../../system/files/folder-entries.js";
import { shellWord } from "../../system/text/shell-word.js";
import type { OnNaN } from "../../training/run/broken-run.js";
import { type TrainResult, train } from "../../training/run/trainer.js";
import type { TrainEvent } from "../../training/run-folder/events.js";
import { optimizerState } from "../../training/step/step.js";
import { type EstimateChoice, printEstimate } from "../dry-run.js";
import { type RunChoice, resolveRun } from "../inputs/resumed-run.js";
import { collected } from "../options/lists.js";
import {
  chosenSplitOption,
  engineOptions,
  number,
  wholeNumber,
  withEngine,
  workersOption,
} from "../options/options.js";
import { recipeOptions } from "../options/recipe.js";
import { requireOutside } from "../output/file.js";
import { type Ending, interruptible } from "../output/interruption.js";
import { note, print } from "../output/output.js";
import { epochLine, trainingProgress } from "../output/training-progress.js";
import { withProcessGroup } from "../processes/process-group.js";
import { relaunched } from "../processes/relaunched.js";

export function define(command: Command): void {
  const choice = (flags: string, about: string, values: readonly string[]) => new Option(flags, about).choices(values);
  chosenSplitOption(recipeOptions(engineOptions(command)))
    .option("--output <folder>", "run folder (default: runs/<data>)")
    .option("--resume [run]", "continue the run in this folder, or in that of --output")
    .option("--allow-change <key ...>", "settings allowed to differ from the resumed run", collected)
    .option(
      "--validation <data>",
      "data to choose the best epoch on (default: the validation part, else the test part)",
    )
    .option("--test <data>", "data to measure the best epoch on at the end (default: the test part)")
    .addOption(choice("--on-bad-image <what>", "stop (the default) or skip", ["stop", "skip"]))
    .addOption(
      choice("--on-nan <what>", "when the loss is not a number: stop, skip the batch, or go back to a saved state", [
        ...["stop", "skip", "rollback"],
      ]).default("stop"),
    )
    .option("--checkpoint-minutes <minutes>", "minutes between saved states within an epoch", number(0), 10)
    .option("--keep-states <n>", "saved states to keep", wholeNumber(1), 2)
    .addOption(workersOption())
    .addOption(
      choice("--precision <format>", "float32 (the default), or bfloat16 for matrix products (XLA)", [
        ...["float32", "bfloat16"],
      ]),
    )
    .option("--shard-optimizer", "shard optimizer state and averages over the devices: less memory, more communication")
    .option("--print-recipe", "print the settings with all defaults and exit")
    .option("--dry-run", "measure a few steps, estimate what the run will take, and exit")
    .option(
      "--watts <power>",
      "power the machine draws, for the energy estimate of --dry-run (default: measured or assumed)",
      number(0),
    )
    .option("--price-per-hour <price>", "price of the machine, for the cost estimate of --dry-run", number(0))
    .option("--price-per-kwh <price>", "price of electricity, for the cost estimate of --dry-run", number(0))
    .option("--json", "print one JSON value at the end")
    .addHelpText(
      "after",
      `
SIGINT and SIGTERM save the run and exit with code 130, SIGUSR1 (a cluster's warning) with 75.

Example:
  deit train photos/ --finetune hub --output runs/photos
  deit train head-only photos/ --finetune runs/photos --output runs/head
  deit train small-data photos/ --epochs 20 --output runs/small
  deit train deit-tiny imagenet/ --batch-size auto
  deit train deit-tiny imagenet/ --dry-run --price-per-kwh 0.3
  deit train --resume runs/photos`,
    )
    .action((first: string | undefined, second: string | undefined, options: Options) =>
      interruptible((signal, ending) => run([first, second], options, signal, ending)),
    );
}

interface Options extends RunChoice, EstimateChoice {
  readonly dryRun?: boolean;
  readonly allowChange?: readonly string[];
  readonly onNan: OnNaN;
  readonly checkpointMinutes: number;
  readonly keepStates: number;
  readonly workers: number;
  readonly shardOptimizer?: boolean;
  readonly json?: boolean;
}

async function run(
  args: readonly (string | undefined)[],
  given: Options,
  signal: AbortSignal,
  ending: Ending,
): Promise<void> {
  if (!given.dryRun && !given.printRecipe) ending.outlivesOutput();
  // First of all, so that nothing is said twice; of a resumed run only its folder states the engine.
  const early = given.resume === undefined && !given.printRecipe;
  if (early && (await relaunched(given, ending))) return;
  const options = await resolveRun(args, given);
  if (options.printRecipe) {
    print(JSON.stringify(options.recipe, null, 2));
    return;
  }
  const below = options.resume ? undefined : await requireOutside(options.data, options.output);
  if (!early && (await relaunched(options, ending))) return;
  const split = await parseSplitRule(options.split);
  if (options.dryRun) return printEstimate({ ...options, split }, signal);
  if (below) await makeResultsFolder(below);
  const { rank = 0 } = placeFromEnvironment() ?? {};
  const progress = trainingProgress("training", (options.json ?? false) || rank > 0);
  const splitState = options.shardOptimizer ? optimizerState : undefined;
  const { allowChange: allowChanges, onNan: onNaN } = options;
  const result = await withProcessGroup(({ group, process }) =>
    withEngine({ ...options, process, splitState }, (engine, { reason }) => {
      const why = given.engine === "auto" && options.engine !== "auto" ? "the run was started with it" : reason;
      const onEvent = (event: TrainEvent) => {
        if (event.kind === "start") {
          ending.saves("this step");
          if (!options.json && rank === 0) note(`engine: ${engine.info.engine}, because ${why}`);
        }
        progress.onEvent(event);
      };
      return train({ ...options, split, engine, allowChanges, onNaN, group, signal, onEvent });
    }),
  ).finally(progress.stop);
  if (rank > 0 && !result.interrupted) return; // the first process reports for all
  if (options.json) {
    const { folder, epochs, best, bestTop1, bestMap, testPart, final, classes, interrupted, stoppedEarly } = result;
    print(
      JSON.stringify({
        ...{
          folder,
          classes: classes.length,
          epochs,
          best,
          bestTop1,
          bestMap,
          testPart,
          final,
          interrupted,
          stoppedEarly,
        },
      }),
    );
  } else print(`${bestText(result)}run folder: ${result.folder}`);
  if (!result.interrupted) return;
  const message = `Training was interrupted; continue it by: deit train --resume ${shellWord(options.output)}`;
  throw signal.reason === "SIGUSR1" ? new PausedError(message) : new InterruptedError(message);
}

/** The best epoch, or what is known of it if it was trained before the run was resumed. */
function bestText(result: TrainResult): string {
  const { final, testPart, classes } = result;
  const test = final
    ? `test, once, with the best weights: ${decidingText(final, result.evalMetric)}${classes.length > 5 && final.map === undefined && result.evalMetric !== "top5" ? `, top-5 ${final.top5.toFixed(2)} %` : ""} on ${final.images} images\n`
    : "";
  const early = result.stoppedEarly
    ? "Training ended early, as evaluations brought nothing better for as long as its patience.\n"
    : "";
  return early + chosenText(result, testPart) + test;
}

function chosenText(
  { best, bestTop1, bestMap, epochs, evalMetric, interrupted, stoppedEarly }: TrainResult,
  testPart: TrainResult["testPart"],
): string {
  const nothing = epochs.length === 0 && !interrupted && !stoppedEarly ? "All epochs were done before.\n" : "";
  const score = bestMap ?? bestTop1;
  if (best && (best.test && measureOf(best.test, usualMetric(best.test))) === score)
    return `best: ${epochLine(best, testPart, evalMetric)}\n`;
  if (score === undefined) return nothing;
  return `${nothing}best: ${testPart ?? "test"} ${bestMap === undefined ? "top-1" : "mAP"} ${score.toFixed(2)} %\n`;
}
