// Draws docs/playground.png: the playground, taught three kinds of the built-in shapes. Needs Chromium and the reference data
// (CONTRIBUTING.md). Run npm run build first.
//   node scripts/playground-picture.mjs [/usr/bin/chromium]
import { join } from "node:path";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { drawProcedural, shapes } from "../dist/data/pixels/procedural-image.js";
import { serve } from "../dist/server/index.js";

const [executablePath = "/usr/bin/chromium"] = process.argv.slice(2);
const weights = join(process.env.DEIT_SHARED ?? "../shared", "weights/deit_tiny_patch16_224.safetensors");
const [perClass, unseen] = [15, 1000];
const taught = ["star", "stripes", "crescent"];

async function picture(name, seed) {
  const label = Object.keys(shapes).indexOf(name);
  const { width, height, data } = drawProcedural({ size: 224, seed: 100 * seed + label, label });
  const buffer = await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  return { name: `${name}-${seed}.png`, mimeType: "image/png", buffer };
}

const server = await serve(
  { models: { "deit-tiny": { model: "deit_tiny_patch16_224", weights } } },
  { port: 0, engine: "onnx", shareWeights: true },
);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const page = await browser.newPage({ colorScheme: "light", viewport: { width: 1000, height: 900 } });
  await page.goto(server.url);
  await page.getByRole("combobox", { name: "Model" }).selectOption({ index: 1 });
  await page.getByText(/omputes in this page/).waitFor({ timeout: 120_000 });
  await page.getByRole("tab", { name: "Teach it" }).click();
  const teach = page.getByRole("tabpanel", { name: "Teach it" });
  await teach.getByRole("button", { name: "Add a class", exact: true }).click();
  for (const [i, name] of taught.entries()) {
    const files = await Promise.all(Array.from({ length: perClass }, (_, seed) => picture(name, seed)));
    await teach.getByLabel(`Class ${i + 1}`, { exact: true }).fill(name);
    await teach.getByLabel(`Pictures of ${name}`).locator("input[type=file]").setInputFiles(files);
  }
  await teach.getByRole("button", { name: "Train" }).click();
  await teach.getByText(/Trained in/).waitFor({ timeout: 300_000 });
  await teach
    .getByLabel("New pictures")
    .locator("input[type=file]")
    .setInputFiles(await picture("star", unseen));
  await teach.getByLabel("Most likely classes").waitFor();
  await page.evaluate("document.activeElement?.blur()");
  const shot = await page.screenshot({ fullPage: true });
  await sharp(shot).png({ palette: true, quality: 90, effort: 10 }).toFile("docs/playground.png");
} finally {
  await browser.close();
  await server.close();
}
