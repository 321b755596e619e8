/** Guesses what a mistyped name was meant to be. */

/** Maximum typing errors in a word of this many letters that leave it recognisable. */
const mostErrors = (letters: number): number => Math.min(3, Math.max(1, Math.floor(letters / 3)));

/**
 * The candidate that `word` is a misspelling of: equal except for case, a prefix of it, the candidate with something
 * before or after it, or a few typing errors away (insertion, omission, substitution, transposition). Undefined if
 * there is none.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const meant = plain(word);
  if (meant === "") return undefined;
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: distance(meant, plain(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const close = ranked.find(
    ({ candidate, distance }) =>
      distance <= mostErrors(Math.min(meant.length, candidate.length)) && distance < meant.length,
  );
  if (close) return close.candidate;
  const begun = ranked.find(({ candidate }) => meant.length >= 3 && plain(candidate).startsWith(meant));
  if (begun) return begun.candidate;
  return ranked.find(({ candidate }) => 2 * candidate.length > meant.length && meant.includes(plain(candidate)))
    ?.candidate;
}

/** The end of a sentence about an unknown name, with a suggestion if there is one. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? "." : `; did you mean "${meant}"?`;
}

/** Without case and word separators. */
const plain = (word: string): string => word.toLowerCase().replace(/[-_ ]/g, "");

/** The Damerau-Levenshtein distance without editing any part twice (optimal string alignment). */
function distance(a: string, b: string): number {
  let [before, row]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + same));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length];
}
