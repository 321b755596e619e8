/** Numbers and lists as the page writes them. */

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export function megabytes(bytes: number): string {
  const millions = bytes / 1e6;
  return `${millions < 10 ? millions.toFixed(1) : Math.round(millions)} MB`;
}

export const counted = (count: number, one: string, several = `${one}s`): string =>
  `${count} ${count === 1 ? one : several}`;

/** "a, b and c". */
export const listed = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;

/** A class as it is shown: ImageNet's without its WordNet number. */
export const plain = (label: string): string => label.replace(/^n\d{8} /, "");
