// Screenshots of pages of this documentation in two sizes, as PNGs: node bench/screenshots.js FOLDER
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import MarkdownIt from "markdown-it";
import { chromium } from "playwright-core";
import { here } from "./harness.js";

const chromiumPath = [process.env.DEIT_CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path && existsSync(path),
);
if (!chromiumPath) throw new Error("There is no Chromium to make screenshots with; name one in DEIT_CHROMIUM.");
const style = `body { font: 16px sans-serif; margin: 40px; columns: 2 } table { border-collapse: collapse }
  td, th { border: 1px solid #ccc; padding: 4px } pre { background: #f4f4f8; padding: 8px }`;
const markdown = new MarkdownIt();

const browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] });
for (const [width, height] of [
  [1920, 1080],
  [2560, 1440],
]) {
  const folder = join(process.argv[2], `PNG screenshot ${width}x${height}`);
  mkdirSync(folder, { recursive: true });
  const page = await browser.newPage({ viewport: { width, height } });
  for (const name of ["performance", "data", "cli"]) {
    const text = readFileSync(here(`../docs/${name}.md`), "utf8");
    await page.setContent(`<style>${style}</style>${markdown.render(text)}`);
    await page.screenshot({ path: join(folder, `${name}.png`) });
  }
}
await browser.close();
