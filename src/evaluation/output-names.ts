/** What a model's outputs are called, and which of them the classes of data are. */
import { matchClasses } from "../data/dataset/class-matching.js";
import { UsageError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { type Message, sentence, setting } from "../errors/sentence.js";
import { imagenetClasses } from "../models/imagenet-classes.generated.js";

/** ImageNet's names with their synsets, if `names` are those classes in order, in any wording. */
function imagenetNames(names: readonly string[]): readonly string[] | undefined {
  if (names.length !== imagenetClasses.length) return undefined;
  // Lists differ in a few words; for other classes, or in a different order, hardly any would match.
  const agreeing = names.filter((name, i) => matchClasses([name], [imagenetClasses[i]]).kind !== "unknown").length;
  return agreeing > 0.8 * names.length ? imagenetClasses : undefined;
}

/** The indices of the data's classes among a model's outputs; ImageNet's are recognised by all of their names. */
export function matchOutputs(classes: readonly string[], outputs: readonly string[]) {
  const also = imagenetNames(outputs);
  if (also && imagenetNames(classes)) return { kind: "same" } as const;
  return matchClasses(classes, outputs, also);
}

/**
 * The names of a model's outputs from those in its weights (`own`) and those given by the user. Throws UsageError if
 * both have the same names in a different order; other names rename the outputs, which is noted.
 */
export function outputNames(
  own: readonly string[] | undefined,
  given: readonly string[] | undefined,
  source: string,
): { readonly names?: readonly string[]; readonly notes: readonly Message[] } {
  if (!given || !own || own.length !== given.length) return { names: given ?? own, notes: [] };
  const match = matchOutputs(given, own);
  if (match.kind === "same") return { names: given, notes: [] };
  const moved = given
    .map((name, i) => ({ name, i, at: own.indexOf(name) }))
    .find(({ i, at, name }) => at >= 0 && at !== i && own[i] !== name);
  const elsewhere = match.kind === "matched" && match.indices.some((at, i) => at !== i);
  if (moved || elsewhere) {
    const at = moved?.i ?? given.findIndex((_, i) => match.kind === "matched" && match.indices[i] !== i);
    throw new UsageError(
      sentence`${setting("classes")} calls output ${at} ${quoted(given[at])}, but the weights in "${source}" call it ${quoted(own[at])} and have the other name elsewhere; leave ${setting("classes")} out (the weights name their outputs), or give the names in their order.`,
    );
  }
  const changed = given.findIndex((name, i) => name !== own[i]);
  if (match.kind === "matched" || changed < 0) return { names: given, notes: [] };
  return {
    names: given,
    notes: [
      sentence`${setting("classes")} renames the outputs of "${source}": ${quoted(own[changed])} becomes ${quoted(given[changed])}, and so on.`,
    ],
  };
}
