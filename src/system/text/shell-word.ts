/** Names in commands that are printed to be copied into a shell. */

/** The text as one word of a POSIX shell, quoted where it has to be; what begins with a dash is a path, not an option. */
export function shellWord(text: string): string {
  const word = text.startsWith("-") ? `./${text}` : text;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
