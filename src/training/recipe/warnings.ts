/** Possibly unexpected effects of a recipe on a run of this many steps, reported before the first one. */

import { scheduledRate } from "../step/schedules/index.js";
import { builtOn, emaDecayAt, type Recipe, scheduleOf } from "./recipe.js";

/** Share of the initial weights in the final average from which there is a warning. */
const tooMuch = 0.05;
/** Share of the rate that a schedule reaches at its peak, below which there is a warning. */
const tooLow = 0.7;

export function runWarnings(recipe: Recipe, stepsPerEpoch: number): string[] {
  const steps = stepsPerEpoch * recipe.epochs;
  if (steps === 0) return [];
  const found = [restUntrained(recipe), averageStillYoung(recipe, steps), rateNeverReached(recipe, stepsPerEpoch)];
  return found.filter((s) => s !== undefined);
}

function restUntrained(recipe: Recipe): string | undefined {
  const { trainedParts } = recipe;
  if (trainedParts === "all" || builtOn(recipe) !== undefined) return undefined;
  return `Only a part of the model is trained (trainedParts ${trainedParts}), but it starts from scratch, so the rest stays as it was drawn at random. Set finetune to weights, or trainedParts=all.`;
}

function averageStillYoung(recipe: Recipe, steps: number): string | undefined {
  const { emaDecay, emaWarmup } = recipe;
  if (emaDecay === 0) return undefined;
  // With warm-up the first step already replaces the initial weights with its own.
  const left = emaWarmup ? emaDecayAt(recipe, 1) : emaDecay ** steps;
  if (left < tooMuch) return undefined;
  return `The average of the weights (emaDecay ${emaDecay}) averages over ${Math.round(1 / (1 - emaDecay)).toLocaleString("en")} steps, but the run has ${steps.toLocaleString("en")}: ${(100 * left).toFixed(0)} % of it will still be the weights from before training, and it is what best and last weights hold. Set emaWarmup=true, a smaller emaDecay, or emaDecay=0.`;
}

function rateNeverReached(recipe: Recipe, stepsPerEpoch: number): string | undefined {
  const schedule = { ...scheduleOf(recipe), noise: undefined };
  const points = Math.min(1000, stepsPerEpoch * recipe.epochs);
  const rates = Array.from({ length: points }, (_, i) => scheduledRate(schedule, (i * recipe.epochs) / points));
  const highest = Math.max(...rates);
  if (highest >= tooLow * schedule.lr) return undefined;
  return `The learning rate reaches ${shown(highest)} at its highest, and not ${shown(schedule.lr)}: with warmupEpochs ${recipe.warmupEpochs} of ${recipe.epochs} epochs the run ends, or the rate falls, before the warm-up is over. Set warmupEpochs to ${Number((recipe.epochs / 5).toPrecision(2))} or less, or more epochs.`;
}

const shown = (rate: number): string => Number(rate.toPrecision(2)).toString();
