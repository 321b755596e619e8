/** Classes: is each present in every part, with enough images, and none far larger than the rest? */
import { basename } from "node:path";
import { sentence, setting } from "../../../errors/sentence.js";
import { classBalance } from "../../dataset/class-balance.js";
import { type Check, counted, type Finding, listed } from "../finding.js";
import type { Survey } from "../survey.js";

/** Below this a class is memorised rather than learnt. */
const fewPerClass = 20;

/** Below this a transformer trained from scratch is worse than one started from published weights. */
const fewImages = 50_000;

export const checkClasses: Check = (survey) => {
  const findings: Finding[] = [];
  const { classes, parts, oddities } = survey;
  const empty = oddities.filter((o) => o.kind === "emptyClass").map((o) => o.path);
  if (empty.length > 0)
    findings.push({
      kind: "emptyClass",
      severity: "serious",
      count: empty.length,
      sentence: `${counted(empty.length, "class folder")} ${empty.length === 1 ? "holds" : "hold"} no images: ${listed(empty)}.`,
      advice: "Add images or remove the folder: training refuses the data until then.",
      groups: [],
      names: empty,
    });
  const sizes = classSizes(survey);
  const [train] = sizes;
  const known = new Set(empty.map((path) => basename(path)));
  if (!train) return findings;
  for (const [p, part] of parts.entries()) {
    const missing = classes.filter((_, c) => sizes[p][c] === 0 && !known.has(classes[c]));
    if (missing.length === 0) continue;
    findings.push({
      kind: "missingClass",
      // A class without training images is never learnt; one without test images is just not measured.
      severity: p === 0 ? "serious" : "warning",
      count: missing.length,
      sentence: `${counted(missing.length, "class")} ${missing.length === 1 ? "has" : "have"} no images in ${part.name}: ${listed(missing)}.`,
      advice:
        p === 0
          ? `Add some, or remove ${missing.length === 1 ? "the class" : "those classes"} from the other parts: a class that is not in ${part.name} is never learned.`
          : "Add some: accuracy cannot be measured on a class without images.",
      groups: [],
      names: missing,
    });
  }
  findings.push(...balance(classes, train, parts[0].name));
  return findings;
};

function balance(classes: readonly string[], sizes: readonly number[], part: string): Finding[] {
  const findings: Finding[] = [];
  const present = classes.map((_, c) => c).filter((c) => sizes[c] > 0);
  const small = present.filter((c) => sizes[c] < fewPerClass);
  if (small.length > 0)
    findings.push({
      kind: "smallClass",
      severity: "warning",
      count: small.length,
      sentence: `${counted(small.length, "class")} ${small.length === 1 ? "has" : "have"} fewer than ${fewPerClass} images in ${part}: ${listed(small.map((c) => `${classes[c]} (${sizes[c]})`))}.`,
      advice: sentence`Add images where you can, and start from published weights (${setting("finetune").of("train")}) rather than from scratch.`,
      groups: [],
      names: small.map((c) => classes[c]),
    });
  const total = present.reduce((sum, c) => sum + sizes[c], 0);
  const balance = classBalance(sizes);
  if (balance?.isUnequal) {
    const { smallest: least, largest: most } = balance;
    const ratio = balance.most / balance.least;
    findings.push({
      kind: "imbalance",
      severity: ratio >= 10 ? "warning" : "note",
      count: present.length,
      sentence: `The largest class of ${part}, ${classes[most]}, has ${ratio.toFixed(ratio < 10 ? 1 : 0)} times the images of the smallest, ${classes[least]} (${sizes[most].toLocaleString("en")} against ${sizes[least].toLocaleString("en")}); always answering ${classes[most]} would be right for ${((100 * sizes[most]) / total).toFixed(1)} % of them.`,
      advice: sentence`Look at the accuracy of each class, not at top-1 alone, add images to the small ones, and train with ${setting("classWeights", "auto").of("train")}.`,
      groups: [],
    });
  }
  if (total < fewImages)
    findings.push({
      kind: "fewImages",
      severity: "note",
      count: total,
      sentence: `There ${total === 1 ? "is" : "are"} only ${counted(total, "image")} to learn from, which is few for a vision transformer.`,
      advice: sentence`Start from published weights (${setting("finetune").of("train")}), or distil from a teacher, rather than training from scratch.`,
      groups: [],
    });
  return findings;
}

/** Number of images by part and class. */
export function classSizes({ length, parts, classes, part, label }: Survey): number[][] {
  const sizes = parts.map(() => classes.map(() => 0));
  for (let i = 0; i < length; i++) sizes[part(i)][label(i)]++;
  return sizes;
}
