/** Names in commands that are printed to be copied into a shell. */

/**
 * The text as one word of a POSIX shell, quoted if necessary; text that begins with a dash is made a path, not an
 * option.
 */
export function shellWord(text: string): string {
  const word = text.startsWith("-") ? `./${text}` : text;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
