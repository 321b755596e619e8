/** Text that is safe to write to a terminal. */

/**
 * Text of one or more lines, without characters that move a terminal's cursor, clear it or change its text direction.
 */
export function printable(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu, escaped);
}

/** The character as a JSON escape. */
export function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
