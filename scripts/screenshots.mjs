// Screenshots of the pages of deit serve as readers see them: light and dark, 400 and 1400 pixels wide. Needs Chromium, and the
// reference data (CONTRIBUTING.md). Run npm run build first, and npm start for the pages of runs, which show runs/demo. Fails
// when a page is wider than its window.
//   npm run screenshots [-- FOLDER [/usr/bin/chromium]]
import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { serve } from "../dist/server/index.js";

const [folder = "screenshots", executablePath = "/usr/bin/chromium"] = process.argv.slice(2);
const shared = process.env.DEIT_SHARED ?? "../shared";
const photos = join(shared, "data/imagenet-sample");
const names = await readdir(photos);
/** Photos whose WordNet numbers begin so. */
const among = (...numbers) =>
  names.filter((name) => numbers.some((number) => name.startsWith(`n0${number}`))).map((name) => join(photos, name));
const [unseen, ...dogs] = among("208", "209", "210", "211").reverse();
const birds = among("153", "155", "160", "179", "180", "182", "184", "186", "200", "201", "202", "205");
const classes = { dogs, birds, reptiles: among("166", "168", "169", "172", "174", "175") };

await mkdir(folder, { recursive: true });
const weights = join(shared, "weights/deit_tiny_patch16_224.safetensors");
const source = { model: "deit_tiny_patch16_224", weights };
const runs = existsSync("runs/demo") ? "runs/demo" : undefined;
const options = { port: 0, engine: "onnx", shareWeights: true, runs };
const server = await serve({ models: { "deit-tiny": source } }, options);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const faults = [];

async function picture(page, name) {
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  const wide = await page.locator("html").evaluate((html) => html.scrollWidth - html.clientWidth);
  if (wide > 0) faults.push(`${name} is ${wide} pixels wider than its window`);
}

/** The list of runs, the page of the first, and a comparison. */
async function pagesOfRuns(page, name) {
  await page.goto(`${server.url}/runs`);
  const boxes = page.getByRole("checkbox");
  await boxes.first().waitFor();
  await picture(page, `runs-${name}`);
  for (const box of (await boxes.all()).slice(0, 4)) await box.check();
  await page.getByRole("button", { name: /^Compare/ }).click();
  await page.getByRole("heading", { level: 1 }).waitFor();
  await picture(page, `comparison-${name}`);
  await page.goto(`${server.url}/runs`);
  await page.locator("a[href*='show?run=']").first().click();
  await page.getByRole("heading", { level: 1 }).waitFor();
  await picture(page, `run-${name}`);
}

for (const colorScheme of ["light", "dark"])
  for (const width of [400, 1400]) {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
    const page = await context.newPage();
    page.on("pageerror", (error) => faults.push(`${colorScheme} ${width}: ${error.message}`));
    await page.goto(server.url);
    await page.getByRole("combobox", { name: "Model" }).selectOption({ index: 1 });
    await page.getByText(/omputes in this page/).waitFor({ timeout: 120_000 });
    const classify = page.getByRole("tabpanel", { name: "Classify" });
    const sample = ["n02007558_flamingo.JPEG", "n01882714_koala.JPEG", "n02128925_jaguar.JPEG"];
    await classify.locator("input[type=file]").setInputFiles(sample.map((name) => join(photos, name)));
    await page.getByText(/ms in this page/).waitFor({ timeout: 60_000 });
    await picture(page, `classify-${colorScheme}-${width}`);

    await page.getByRole("tab", { name: "Teach it" }).click();
    const teach = page.getByRole("tabpanel", { name: "Teach it" });
    await teach.getByRole("button", { name: "Add a class", exact: true }).click();
    for (const [i, [name, files]] of Object.entries(classes).entries()) {
      await teach.getByLabel(`Class ${i + 1}`, { exact: true }).fill(name);
      await teach.getByLabel(`Pictures of ${name}`).locator("input[type=file]").setInputFiles(files);
    }
    await teach.getByRole("button", { name: "Train" }).click();
    await teach.getByText(/Trained in/).waitFor({ timeout: 120_000 });
    await teach.getByLabel("New pictures").locator("input[type=file]").setInputFiles(unseen);
    await teach.getByLabel("Most likely classes").waitFor();
    await picture(page, `teach-${colorScheme}-${width}`);
    if (runs) await pagesOfRuns(await context.newPage(), `${colorScheme}-${width}`);
    await context.close();
  }
await browser.close();
await server.close();
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
