/** Examples of test images as cards. */
import { heatCss } from "./heat-colours.js";
import { type Content, type Html, html } from "./html.js";
import { gallery, group, thumbnail } from "./page.js";
import type { Example } from "./run-inspection.js";
import { percentText } from "./verdict.js";

/** Images with what the model says of them and where its tokens look. */
export function exampleGallery(examples: readonly Example[], classes: readonly string[]): Content {
  if (examples.length === 0) return html`<p>There are none.</p>`;
  const tokens = examples[0].attention.map(({ token }) => `the ${token} token`);
  return [
    tokens.length > 0
      ? html`<p class="heat"><small>Right of each image: where ${tokens.join(" and, next to it, ")} ${tokens.length > 1 ? "look" : "looks"}, by attention rollout through all blocks.</small> <span class="scale"><small>least</small><i aria-hidden="true"></i><small>most attention in the image</small></span></p>`
      : "",
    gallery(examples.map((example) => exampleGroup(example, classes))),
  ];
}

function exampleGroup(example: Example, classes: readonly string[]): Html {
  const { name, label, decided, confidence, truth, picture, attention } = example;
  const percent = (share: number) => percentText(100 * share, share < 0.01 ? 2 : 0);
  const said = label === decided ? "classified correctly" : `taken for ${classes[decided]}`;
  const alt = `${classes[label]}, ${said}`;
  const pictures = [
    thumbnail({ picture, alt }),
    ...attention.map(({ token, picture }) => thumbnail({ picture, alt: `Attention of the ${token} token to: ${alt}` })),
  ];
  const caption = html`<p><strong>${classes[label]}</strong> (${percent(truth)}), ${
    label === decided
      ? "classified correctly"
      : html`taken for <strong>${classes[decided]}</strong> (${percent(confidence)})`
  }<br><small>${name}</small></p>`;
  return group(html`<div class="example">${pictures}${caption}</div>`, alt);
}

export const galleryCss = `
.example{display:flex;flex-wrap:wrap;gap:.5rem;width:100%}
.example .thumbnail{flex:1 1 0;min-width:0;max-width:10rem}
.example .thumbnail img,.example .thumbnail .small{width:100%;max-height:none}
.heat{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:center;max-width:none}
.scale{display:inline-flex;gap:.5rem;align-items:center}
.scale i{width:8rem;height:.75rem;border:1px solid var(--line);background:linear-gradient(90deg,${heatCss});print-color-adjust:exact}
.example p{flex-basis:100%;margin:0;font-size:.8125rem;line-height:1.4}
`;
