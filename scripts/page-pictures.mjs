// Pictures of a page as readers see it: light and dark, 400 and 1400 pixels wide. Needs Chromium.
// Fails when the page asks for anything, or is wider than the window.
//   node scripts/page-pictures.mjs report.html FOLDER [/usr/bin/chromium]
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [file, folder = ".", executablePath = "/usr/bin/chromium"] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const faults = [];
for (const colorScheme of ["light", "dark"])
  for (const width of [400, 1400]) {
    const context = await browser.newContext({
      colorScheme,
      viewport: { width, height: 900 },
      javaScriptEnabled: false,
    });
    const tab = await context.newPage();
    const asked = [];
    tab.on("request", (request) => {
      if (!/^(file|data):/.test(request.url())) asked.push(request.url());
    });
    tab.on("console", (message) => faults.push(`${colorScheme} ${width}: ${message.text()}`));
    await tab.goto(pathToFileURL(resolve(file)).href);
    const picture = join(folder, `${colorScheme}-${width}.png`);
    await tab.screenshot({ path: picture, fullPage: true });
    const size = await tab.locator("html").evaluate((e) => [e.scrollWidth, e.scrollHeight]);
    if (asked.length > 0) faults.push(`asks for ${asked.join(", ")}`);
    if (size[0] > width) faults.push(`${colorScheme} ${width}: the page is ${size[0]} pixels wide`);
    console.log(`${picture}: ${size.join(" × ")}`);
    await context.close();
  }
await browser.close();
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
