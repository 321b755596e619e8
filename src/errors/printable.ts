/** Text that a terminal can be given. */

/** A text of one or more lines without what would move a terminal's cursor, clear it or turn its direction. */
export function printable(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu, escaped);
}

/** The character as JSON writes it. */
export function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
