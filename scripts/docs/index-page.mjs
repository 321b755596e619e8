/** docs/index.md is the table of contents: its sections and links make the sidebar of the site, in their order. */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
export const indexPage = join(root, "docs/index.md");

/** Sections with their pages (absolute paths); what stands before the first heading has no title. */
export function contents() {
  const sections = [{ title: "", pages: [] }];
  for (const line of readFileSync(indexPage, "utf8").split("\n")) {
    const heading = /^## (.+)/.exec(line);
    if (heading) sections.push({ title: heading[1], pages: [] });
    const link = /^(?:- )?\[(.+?)\]\((.+?\.md)\)/.exec(line);
    if (link) sections.at(-1).pages.push({ title: link[1], path: resolve(dirname(indexPage), link[2]) });
  }
  return sections;
}
