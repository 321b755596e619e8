/** HTML from templates: every inserted text is escaped, so that no file name or label can become markup. */
import { Sentence } from "../errors/sentence.js";

/** Markup that is safe to insert into a page. */
export interface Html {
  readonly markup: string;
}

/** Values of a template: strings and numbers are escaped, markup is kept, lists are joined, undefined becomes empty. */
export type Content = string | number | Sentence | Html | readonly Content[] | undefined;

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Text safe for an element or a quoted attribute. Control characters and marks that change the text direction are shown
 * as escapes: a file name must not rearrange the text next to it.
 */
export function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"']/g, (c) => entities[c])
    .replace(
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
}

/** A template: html`<p title="${name}">${name}</p>`. Attributes must be quoted. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  return { markup: parts.reduce((all, part, i) => all + render(values[i - 1]) + part) };
}

function render(content: Content): string {
  if (content === undefined) return "";
  if (typeof content === "string" || content instanceof Sentence) return escapeHtml(String(content));
  if (typeof content === "number") return String(content);
  return "markup" in content ? content.markup : content.map(render).join("");
}

/** Markup from elsewhere, such as an SVG drawn by deit; never use it for anything read from a file. */
export function trusted(markup: string): Html {
  return { markup };
}
