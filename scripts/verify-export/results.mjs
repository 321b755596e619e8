// What a program's answers are worth, and the table of all.

/** Largest logit difference from timm, and the share of the images that may have another top-1. */
const [mostDifference, mostOthers] = [1e-4, 1 / 200];

/**
 * The result of a line that a consumer printed: `passed`, `failed`, `measured` where nothing is required, or `own pixels`
 * where the end-to-end bar is missed and the program's own pixels are proved to be the cause. `answers`: timm's, for the
 * pixels that the consumer made of the images on which it differs.
 */
export function judge({ consumer, difference, images, others, checked, measuredOnly, givenPixels }, answers) {
  const same = images === undefined ? undefined : images - others.length;
  const result = { consumer, difference, images, same, ...(givenPixels ? { givenPixels } : {}) };
  const exact = difference === undefined || difference <= mostDifference;
  const enough = same === undefined || others.length <= images * mostOthers;
  if (measuredOnly) return { ...result, verdict: "measured" };
  if (checked || (exact && enough)) return { ...result, verdict: exact ? "passed" : "failed" };
  if (!exact || !answers) return { ...result, verdict: "failed", others };
  const proof = {
    sameAsTimmOnItsPixels: others.filter(({ answer }, i) => answer === answers[i]).length,
    differentOnTimmsPixels: others.filter(({ onReferencePixels, expected }) => onReferencePixels !== expected).length,
  };
  const unexplained = Math.max(others.length - proof.sameAsTimmOnItsPixels, proof.differentOnTimmsPixels);
  return { ...result, verdict: unexplained <= images * mostOthers ? "own pixels" : "failed", others, ...proof };
}

/** Programs in rows, models in columns. */
export function table(results) {
  const models = [...new Set(results.map(({ model }) => model))];
  const consumers = [...new Set(results.map(({ consumer }) => consumer))];
  const cell = (consumer, model) => {
    const found = results.find((each) => each.consumer === consumer && each.model === model);
    if (!found) return "–";
    const parts = [
      ...(found.difference === undefined ? [] : [found.difference.toExponential(1)]),
      ...(found.same === undefined ? [] : [`${found.same}/${found.images}`]),
    ];
    return [...parts, ...(found.verdict === "measured" ? [] : [found.verdict])].join(" ");
  };
  const rows = [["", ...models], ...consumers.map((name) => [name, ...models.map((model) => cell(name, model))])];
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const lines = rows.map((row) =>
    row
      .map((text, i) => text.padEnd(widths[i]))
      .join("  ")
      .trimEnd(),
  );
  const own = results.filter(({ verdict }) => verdict === "own pixels");
  const notes = own.map(
    ({ consumer, model, images, same, sameAsTimmOnItsPixels, differentOnTimmsPixels }) =>
      `${consumer}, ${model}: of ${images - same} images with another top-1, timm gives the same answer for ${sameAsTimmOnItsPixels} on the pixels that the program made, and the program another than timm for ${differentOnTimmsPixels} on timm's pixels.`,
  );
  return [...lines, ...(notes.length > 0 ? ["", ...notes] : [])].join("\n");
}
