import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeHtml, html } from "./html.js";
import { details, figure, gallery, meter, notice, page, table, thumbnail, tiles } from "./page.js";

const hostile = [
  `<script>alert(1)</script>.jpg`,
  `" onerror="alert(1)`,
  `' style='x`,
  `</style><img src=x onerror=alert(1)>`,
  `a&lt;b`,
  `\u202egpj.exe`,
  `\ud800`,
  `猫 и кот.png`,
];

describe("templates", () => {
  it("leave no character of a text that could open or close markup", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(escapeHtml(text)).not.toMatch(/[<>"']/);
        expect(escapeHtml(text)).not.toMatch(/&(?!amp;|lt;|gt;|quot;|#39;)/);
      }),
    );
  });
  it("escape texts, keep markup, join lists and omit missing values", () => {
    expect(html`<p title="${'"'}">${["a<b", html`<b>${"&"}</b>`]}${undefined}${3}</p>`.markup).toBe(
      `<p title="&quot;">a&lt;b<b>&amp;</b>3</p>`,
    );
  });
  it("show marks that change the text direction, and lone surrogates, as escapes", () => {
    expect(escapeHtml("\u202egpj.exe \ud800 😀 猫")).toBe("\\u202egpj.exe \\ud800 😀 猫");
  });
});

describe("a page", () => {
  const everywhere = (name: string) =>
    page({
      title: name,
      lead: name,
      summary: [tiles([{ label: name, value: name, note: name }]), notice("serious", name)],
      sections: [
        { id: "one", title: name, body: table(name, [{ title: name, align: "right" }], [[name]]) },
        {
          id: "two",
          title: name,
          body: [
            figure(name, name),
            gallery(
              thumbnail({
                picture: { bytes: Uint8Array.of(1, 2), type: "image/png", width: 1, height: 1 },
                alt: name,
                caption: name,
              }),
            ),
            details(name, meter(0.5, name)),
          ],
        },
      ],
      footer: name,
    });

  /** The page with all text removed: its tags, with the names of their attributes. */
  const skeleton = (document: string) =>
    [...document.replace(/<style>.*?<\/style>/s, "").matchAll(/<[^>]*>/g)].map(([tag]) =>
      tag.replace(/"[^"]*"/g, '""'),
    );

  it("has the same markup whatever its contents", () => {
    for (const name of hostile) expect(skeleton(everywhere(name))).toEqual(skeleton(everywhere("plain")));
  });
  it("fetches nothing and runs nothing", () => {
    const document = everywhere("plain");
    expect(document).not.toMatch(/https?:|<script|<link|url\(|@import/);
    expect(document).toContain("default-src &#39;none&#39;");
  });
});
