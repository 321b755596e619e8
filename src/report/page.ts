/** The building blocks of the single-file reports: document, sections, tables, figures. No scripts, nothing fetched. */
import { type Content, type Html, html, trusted } from "./html.js";
import { styles } from "./styles.js";

export interface PageSection {
  /** Fragment of the URL, such as "duplicates". */
  readonly id: string;
  readonly title: string;
  readonly body: Content;
}

export interface PageOptions {
  readonly title: string;
  /** One sentence under the title. */
  readonly lead?: Content;
  /** Content above the first section: tiles, notices. */
  readonly summary?: Content;
  readonly sections: readonly PageSection[];
  readonly footer?: Content;
  /** CSS rules for this page only; colours come from the variables of `styles.ts`. */
  readonly css?: string;
  /** Address of a script, for a page that a server renews; without it, nothing runs or is loaded. */
  readonly script?: string;
}

/**
 * A whole document, readable from a width of 320 pixels, light or dark like the reader's system, usable by keyboard.
 */
export function page({ title, lead, summary, sections, footer, css = "", script }: PageOptions): string {
  // The policy prevents even a flawed page from loading or running anything.
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; ${
    script === undefined ? "form-action 'none'" : "form-action 'self'; script-src 'self'; connect-src 'self'"
  }`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="deit">
<title>${title}</title>
<style>${trusted(styles + css)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<h1>${title}</h1>
${lead === undefined ? "" : html`<p class="lead">${lead}</p>`}
${sections.length > 1 ? navigation(sections) : ""}
</header>
<main id="main" tabindex="-1">
${summary}
${sections.map(section)}
</main>
${footer === undefined ? "" : html`<footer>${footer}</footer>`}
${script === undefined ? "" : html`<script type="module" src="${script}"></script>`}
</body>
</html>
`.markup;
}

function navigation(sections: readonly PageSection[]): Html {
  const links = sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`);
  return html`<nav aria-label="Sections"><ul>${links}</ul></nav>`;
}

function section({ id, title, body }: PageSection): Html {
  return html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${body}
</section>
`;
}

/** Key figures side by side. */
export function tiles(
  facts: readonly { readonly label: string; readonly value: Content; readonly note?: Content }[],
): Html {
  const tile = ({ label, value, note }: (typeof facts)[number]) =>
    html`<div><dt>${label}</dt><dd>${value}${note === undefined ? "" : html`<small>${note}</small>`}</dd></div>`;
  return html`<dl class="tiles">${facts.map(tile)}</dl>`;
}

/** Severity of a message; also stated in words, never only by colour. */
export type Severity = "good" | "note" | "warning" | "serious";

const severityNames: Readonly<Record<Severity, string>> = {
  good: "Good",
  note: "Note",
  warning: "Warning",
  serious: "Serious",
};

export function notice(severity: Severity, content: Content): Html {
  return html`<p class="notice ${severity}"><strong>${severityNames[severity]}</strong> <span>${content}</span></p>`;
}

export interface Column {
  readonly title: string;
  /** Numbers are aligned right. */
  readonly align?: "left" | "right";
}

/** A table that scrolls separately if the page is too narrow, also by keyboard. */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly Content[])[]): Html {
  const right = (i: number) => (columns[i].align === "right" ? trusted(' class="number"') : "");
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map(({ title }, i) => html`<th scope="col"${right(i)}>${title}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) => html`<tr>${row.map((cell, i) => html`<td${right(i)}>${cell}</td>`)}</tr>
`,
  )}</tbody>
</table></div>`;
}

export function figure(content: Content, caption: Content): Html {
  return html`<figure>${content}<figcaption>${caption}</figcaption></figure>`;
}

/** An encoded picture with its size in pixels; embedded in a page as a data URI. */
export interface Picture {
  readonly bytes: Uint8Array;
  readonly type: "image/jpeg" | "image/png" | "image/webp";
  readonly width: number;
  readonly height: number;
}

export interface Thumbnail {
  /** Undefined shows an empty frame: the picture is not available. */
  readonly picture: Picture | undefined;
  /** Alternative text that describes the picture. */
  readonly alt: string;
  readonly caption?: Content;
}

/** A small picture with its caption. */
export function thumbnail({ picture, alt, caption }: Thumbnail): Html {
  const below = caption === undefined ? undefined : html`<figcaption>${caption}</figcaption>`;
  return html`<figure class="thumbnail">${picture ? image(picture, alt) : html`<div class="missing" role="img" aria-label="${alt}">no picture</div>`}${below}</figure>`;
}

function image({ bytes, type, width, height }: Picture, alt: string): Html {
  const uri = `data:${type};base64,${Buffer.from(bytes).toString("base64")}`;
  // Small pictures are enlarged without smoothing.
  const small = trusted(Math.max(width, height) <= 64 ? ' class="small"' : "");
  return html`<img src="${uri}" width="${width}" height="${height}" alt="${alt}"${small}>`;
}

/** Groups in rows of cards of equal width. */
export function gallery(groups: Content): Html {
  return html`<div class="gallery">${groups}</div>`;
}

/** Ungrouped thumbnails in rows. */
export function thumbnails(single: Content): Html {
  return html`<div class="gallery single">${single}</div>`;
}

/** Blocks side by side if the page is wide enough. */
export function columns(...blocks: readonly Content[]): Html {
  return html`<div class="columns">${blocks.map((block) => html`<div>${block}</div>`)}</div>`;
}

/** Text of a recipe or advice, in which `backticks` mark code. */
export function withCode(text: string): Content {
  return text.split(/`([^`]+)`/).map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part));
}

/** Related thumbnails in a frame, for a gallery. */
export function group(thumbnails: Content, label: string): Html {
  return html`<div class="group" role="group" aria-label="${label}">${thumbnails}</div>`;
}

/** Collapsible content. */
export function details(summary: Content, content: Content, open = false): Html {
  return html`<details${trusted(open ? " open" : "")}><summary>${summary}</summary>${content}</details>`;
}

/** A bar from 0 to 1 with its text next to it, for a table cell. */
export function meter(share: number, text: Content): Html {
  const percent = (100 * Math.min(1, Math.max(0, share))).toFixed(1);
  return html`<span class="meter"><span aria-hidden="true"><i style="width:${percent}%"></i></span>${text}</span>`;
}
