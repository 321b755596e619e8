/** Strings from untrusted files, made safe to show: terminal control characters are escaped. */
import { escaped } from "./printable.js";

export { printable } from "./printable.js";

const longest = 80;

/** The text in double quotes, escaped as in JSON and truncated if long. */
export function quoted(text: string): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  // JSON escapes only the controls below a space; those above Latin-1's letters can move a terminal's cursor too.
  return JSON.stringify(cut).replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, escaped);
}

/** Whether a name contains control characters, which no sensible file name has and a terminal would interpret. */
export function hasControls(name: string): boolean {
  return /\p{Cc}/u.test(name);
}
