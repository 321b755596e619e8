/** What was meant by a mistyped name. */

/** Typing errors in a word of so many letters that still leave it recognisable. */
const mostErrors = (letters: number): number => Math.min(3, Math.max(1, Math.floor(letters / 3)));

/**
 * The candidate that `word` is a misspelling of: equal but for case, the beginning of it, itself with something before
 * or behind, or few typing errors away (insertion, omission, substitution, exchange of neighbours). Undefined for others.
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

/** The end of a sentence about a name that there is not: with what was meant, where that can be told. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? "." : `; did you mean "${meant}"?`;
}

/** Without case and the joints of words. */
const plain = (word: string): string => word.toLowerCase().replace(/[-_ ]/g, "");

/** Damerau and Levenshtein's distance, where no part is edited twice. */
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
