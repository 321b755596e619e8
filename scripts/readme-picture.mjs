// Draws docs/demo.png: images of the demo's test set with what teacher and students say of them, above the demo's plot.
//   npm start && node scripts/readme-picture.mjs runs/demo
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Classifier, createLoader, createOnnxEngine, openDataset, openModel, topK } from "deit";
import sharp from "sharp";

const [, , folder = "runs/demo"] = process.argv;
const run = (name) => join(folder, name, "seed-0", "last.safetensors");
const asked = [
  ["teacher", "recipes/demo/teacher.safetensors"],
  ["token", run("DeiT-hard-with-the-token")],
  ["alone", run("DeiT-no-distillation")],
];
const [columns, pixels, tile, line] = [8, 24, 96, 17];

const dataset = await openDataset("procedural:24:1000:upright", { split: "test" });
const loader = createLoader({
  ...{ dataset, batchSize: columns, seed: 7, workers: 0, order: "shuffled", dropLast: true },
  transform: { kind: "evaluation", size: pixels, cropRatio: 1, interpolation: "bicubic" },
});
const { value: batch } = await loader.epoch(0).next();
const engine = await createOnnxEngine();
const decisions = [];
for (const [, path] of asked) {
  const { model, weights } = await openModel({ weights: path });
  const classifier = await Classifier.create({ engine, model }, weights);
  const logits = await classifier.logits(batch.images, columns);
  decisions.push(batch.labels.map((_, i) => topK(logits.subarray(i * model.classes, (i + 1) * model.classes), 1)[0]));
  await classifier.dispose();
}
await engine.close();

const band = tile + asked.length * line + 14;
const parts = [];
for (let i = 0; i < columns; i++) {
  const size = pixels * pixels * 3;
  const raw = { width: pixels, height: pixels, channels: 3 };
  const image = sharp(Buffer.from(batch.images.subarray(i * size, (i + 1) * size)), { raw });
  parts.push({ input: await image.resize(tile, tile, { kernel: "nearest" }).png().toBuffer(), left: i * tile, top: 0 });
  const captions = asked.map(([name], row) => {
    const says = decisions[row][i];
    const right = says === batch.labels[i];
    const text = `${right ? "✓" : "✗"} ${name}: ${dataset.classes[says]}`;
    return `<text x="3" y="${13 + row * line}" font-family="sans-serif" font-size="9.5" fill="${right ? "#1a7f37" : "#cf222e"}">${text}</text>`;
  });
  const svg = `<svg width="${tile}" height="${asked.length * line}"><rect width="100%" height="100%" fill="white"/>${captions.join("")}</svg>`;
  parts.push({ input: Buffer.from(svg), left: i * tile, top: tile });
}
const width = columns * tile;
const plot = await sharp(join(folder, "table3.png")).resize({ width }).toBuffer();
const { height } = await sharp(plot).metadata();
parts.push({ input: plot, left: 0, top: band });
const png = await sharp({ create: { width, height: band + height, channels: 3, background: "white" } })
  .composite(parts)
  .png({ palette: true })
  .toBuffer();
writeFileSync(new URL("../docs/demo.png", import.meta.url), png);
