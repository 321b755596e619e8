/** Texts that come out of foreign files, fit to be shown: what a terminal would obey is written as an escape. */

const longest = 80;

/** The text in double quotes, escaped as in JSON and cut when it is long. */
export function quoted(text: string): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  // JSON escapes only the controls below a space; those above Latin-1's letters can move a terminal's cursor too.
  return JSON.stringify(cut).replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, escaped);
}

/** A text of one or more lines without what would move a terminal's cursor, clear it or turn its direction. */
export function printable(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu, escaped);
}

/** Whether a name holds characters that no file of sense has, and that a terminal would obey. */
export function hasControls(name: string): boolean {
  return /\p{Cc}/u.test(name);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
