/** Links of the documents: to files of the repository, to headings as GitHub names them; and docs/index.md lists every page. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import GithubSlugger from "github-slugger";
import MarkdownIt from "markdown-it";
import { describe, expect, it } from "vitest";
import { root } from "../cli/run.js";
import { documents } from "./samples.js";

interface Page {
  /** What is linked to or shown, as it is written. */
  readonly targets: readonly string[];
  readonly anchors: ReadonlySet<string>;
}

const markdown = new MarkdownIt({ html: true });
const pages = new Map<string, Page>();

function page(path: string): Page {
  const known = pages.get(path);
  if (known) return known;
  const tokens = markdown.parse(readFileSync(join(root, path), "utf8"), {});
  const slugger = new GithubSlugger();
  const headings = tokens.filter((_, i) => tokens[i - 1]?.type === "heading_open");
  const words = headings.map(({ children }) => (children ?? []).map(({ content }) => content).join(""));
  const inline = tokens.flatMap(({ children }) => children ?? []);
  const targets = inline.flatMap((t) => t.attrGet(t.type === "image" ? "src" : "href") ?? []).map(String);
  const made = { targets, anchors: new Set(words.map((text) => slugger.slug(text))) };
  pages.set(path, made);
  return made;
}

/** What is wrong with a link of a page; undefined where it leads somewhere. */
function fault(from: string, target: string): string | undefined {
  const [file, anchor] = target.split("#");
  const path = file === "" ? from : relative(root, resolve(root, dirname(from), decodeURI(file)));
  if (path.startsWith("..")) return "leads out of the repository";
  if (!existsSync(join(root, path))) return "there is no such file";
  if (anchor === undefined || !path.endsWith(".md") || statSync(join(root, path)).isDirectory()) return undefined;
  return page(path).anchors.has(decodeURI(anchor)) ? undefined : "there is no such heading";
}

describe("links", () => {
  it.each(documents)("of %s lead somewhere", (path) => {
    const { targets } = page(path);
    const faults = targets
      .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
      .flatMap((target) => fault(path, target)?.replace(/^/, `${target}: `) ?? []);
    expect(faults).toEqual([]);
  });

  it("of docs/index.md reach every page", () => {
    const listed = page("docs/index.md").targets.map((target) => join("docs", target));
    expect(documents.filter((path) => path !== "docs/index.md" && !listed.includes(path))).toEqual([]);
  });
});
