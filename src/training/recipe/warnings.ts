/** Possibly unexpected effects of a recipe on a run of this many steps, reported before the first one. */

import { scheduledRate, schedules } from "../step/schedules/index.js";
import { componentSettings, settingsOfOthers } from "./components.js";
import { builtOn, emaDecayAt, type Recipe, recipeSchema, scheduleOf } from "./recipe.js";

/** Share of the initial weights in the final average from which there is a warning. */
const tooMuch = 0.05;
/** Share of the rate that a schedule reaches at its peak, below which there is a warning. */
const tooLow = 0.7;

/** Settings that only optimizers or schedules read which are not chosen, and cycles where there is a single one. */
function unread(recipe: Recipe): string[] {
  const found = componentSettings.flatMap((component) => {
    const others = settingsOfOthers(component, recipe[component]);
    const useless = others.filter((key) => isSet(recipe, key as keyof Recipe));
    if (useless.length === 0) return [];
    const one = useless.length === 1;
    return [
      `The ${component} ${recipe[component]} does not read ${useless.map((key) => assigned(recipe, key as keyof Recipe)).join(" and ")}, which ${one ? "has" : "have"} no effect; remove ${one ? "it" : "them"}, or choose another ${component}.`,
    ];
  });
  const cycles = (["lrCycleMul", "lrCycleDecay"] as const).filter((key) => isSet(recipe, key));
  const cycled = "lrCycleMul" in schedules[recipe.schedule].settings && recipe.lrCycleLimit === 1;
  return cycled && cycles.length > 0
    ? [
        ...found,
        `The schedule has a single cycle, so ${cycles.map((key) => assigned(recipe, key)).join(" and ")} has no effect; set lrCycleLimit too.`,
      ]
    : found;
}

const assigned = (recipe: Recipe, key: keyof Recipe): string => `${key}=${JSON.stringify(recipe[key])}`;

/** Whether a setting is not the default. */
const isSet = (recipe: Recipe, key: keyof Recipe): boolean =>
  JSON.stringify(recipe[key]) !== JSON.stringify(recipeSchema.shape[key].parse(undefined));

export function runWarnings(recipe: Recipe, stepsPerEpoch: number): string[] {
  const steps = stepsPerEpoch * recipe.epochs;
  if (steps === 0) return [];
  const found = [
    ...unread(recipe),
    cooldownWithout(recipe, stepsPerEpoch),
    nothingComputedAgain(recipe),
    restUntrained(recipe),
    averageStillYoung(recipe, steps),
    rateNeverReached(recipe, stepsPerEpoch),
  ];
  return found.filter((s) => s !== undefined);
}

function restUntrained(recipe: Recipe): string | undefined {
  const { trainedParts } = recipe;
  if (trainedParts === "all" || builtOn(recipe) !== undefined) return undefined;
  return `Only a part of the model is trained (trainedParts ${trainedParts}), but it starts from scratch, so the rest stays as it was drawn at random. Set finetune to weights, or trainedParts=all.`;
}

/** A cool-down ends a schedule earlier, which changes nothing in one that does not go by the number of epochs. */
function cooldownWithout(recipe: Recipe, stepsPerEpoch: number): string | undefined {
  const { cooldownEpochs, schedule } = recipe;
  if (cooldownEpochs === 0) return undefined;
  const [cooled, whole] = [recipe, { ...recipe, cooldownEpochs: 0 }].map((r) => ratesOf(r, stepsPerEpoch));
  if (cooled.some((rate, i) => rate !== whole[i])) return undefined;
  return `The schedule ${schedule} does not read cooldownEpochs=${cooldownEpochs}, which has no effect; remove it, or choose another schedule.`;
}

/** Blocks are computed again for gradients within them, of which a head needs none. */
function nothingComputedAgain({ gradCheckpointing, trainedParts }: Recipe): string | undefined {
  if (!gradCheckpointing || trainedParts !== "head") return undefined;
  return "gradCheckpointing=true has no effect, since only the head is trained (trainedParts=head) and no gradient enters a block; remove it, or train more of the model.";
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
  const highest = Math.max(...ratesOf(recipe, stepsPerEpoch));
  const { lr } = scheduleOf(recipe);
  if (highest >= tooLow * lr) return undefined;
  return `The learning rate reaches ${shown(highest)} at its highest, and not ${shown(lr)}: with warmupEpochs ${recipe.warmupEpochs} of ${recipe.epochs} epochs the run ends, or the rate falls, before the warm-up is over. Set warmupEpochs to ${Number((recipe.epochs / 5).toPrecision(2))} or less, or more epochs.`;
}

/** The rates of a run without noise, at no more than a thousand of its steps. */
function ratesOf(recipe: Recipe, stepsPerEpoch: number): readonly number[] {
  const schedule = { ...scheduleOf(recipe), noise: undefined };
  const points = Math.min(1000, stepsPerEpoch * recipe.epochs);
  return Array.from({ length: points }, (_, i) => scheduledRate(schedule, (i * recipe.epochs) / points));
}

const shown = (rate: number): string => Number(rate.toPrecision(2)).toString();
