/** What class sizes mean for the results of a run, reported before it starts. */
import { classBalance, countsOf, type Labels, unequalSentence } from "../../data/dataset/class-balance.js";
import { classShares } from "../../data/loading/order.js";
import { quoted } from "../../errors/quoted.js";
import type { Recipe } from "../recipe/recipe.js";

/** Maximum names in a sentence. */
const mostNames = 3;

/** Sentences on the division for training and evaluation; `measured` is undefined if there is no evaluation. */
export function classSizeWarnings(training: Labels, measured: Labels | undefined): readonly string[] {
  const { classes } = training;
  const sizes = countsOf(training);
  const known = [...classes.keys()].filter((c) => sizes[c] > 0);
  const told: string[] = [];
  if (measured) {
    const counts = countsOf(measured);
    const unmeasured = known.filter((c) => counts[c] === 0);
    if (unmeasured.length > 0)
      told.push(
        `Of ${named(unmeasured.map((c) => classes[c]))} no image is measured, so the accuracy says nothing about ${unmeasured.length === 1 ? "it" : "them"}; a class needs two images or more for a share to be held out.`,
      );
    const [balance, answer] = [classBalance(sizes), classBalance(counts)];
    if (balance?.isUnequal && answer)
      told.push(
        unequalSentence(balance, classes[answer.largest], answer.most / measured.length, "the measured images"),
      );
  }
  return told;
}

/** How often images are seen in an epoch that does not have all of them once: those of the smallest and the largest class. */
export function samplingSentences(
  data: Labels,
  { sampling, epochRepeats }: Pick<Recipe, "sampling" | "epochRepeats">,
): readonly string[] {
  const sizes = countsOf(data);
  const balance = classBalance(sizes);
  if (sampling === "all" || !balance) return [];
  const shares = classShares(sizes, sampling);
  const told = (c: number) => {
    const often = Number(((epochRepeats * shares[c] * data.length) / sizes[c]).toPrecision(2));
    return `an image of ${quoted(data.classes[c])} ${often === 1 ? "once" : `${often} times`}`;
  };
  const equal = sampling === "balanced" ? "in equal numbers" : "by the square roots of their sizes";
  return [
    `Epochs have the classes ${equal} (sampling): on average they show ${told(balance.smallest)} and ${told(balance.largest)}.`,
  ];
}

function named(names: readonly string[]): string {
  const shown = names.slice(0, mostNames).map(quoted).join(", ");
  const [few, rest] = [names.length === 1 ? "the class" : "the classes", names.length - mostNames];
  return rest > 0 ? `${few} ${shown} and ${rest} more` : `${few} ${shown}`;
}
