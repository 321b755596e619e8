// Draws docs/demo.png: images of the demo's test set with what its DeiT says of them.
//   npm start && node scripts/readme-picture.mjs runs/demo/deit
import { writeFileSync } from "node:fs";
import { Classifier, createLoader, createOnnxEngine, openDataset, openModel, softmaxOf, topK } from "deit";
import sharp from "sharp";

const [, , run = "runs/demo/deit"] = process.argv;
const [columns, rows, size, label] = [8, 3, 96, 22];
const { model, weights, classes } = await openModel({ weights: run });
const dataset = await openDataset("procedural:32:1024", { split: "test" });
const loader = createLoader({
  dataset,
  batchSize: columns * rows,
  transform: { kind: "evaluation", size: 32, cropRatio: 1, interpolation: "bicubic" },
  seed: 7,
  workers: 0,
  order: "shuffled",
  dropLast: true,
});
const engine = await createOnnxEngine();
const classifier = await Classifier.create({ engine, model }, weights);
const { value: batch } = await loader.epoch(0).next();
const logits = await classifier.logits(batch.images, columns * rows);
const tiles = [];
for (let i = 0; i < columns * rows; i++) {
  const row = logits.subarray(i * model.classes, (i + 1) * model.classes);
  const [best] = topK(row, 1);
  const right = best === batch.labels[i];
  const left = (i % columns) * size;
  const top = Math.floor(i / columns) * (size + label);
  const pixels = Buffer.from(batch.images.subarray(i * 3072, (i + 1) * 3072));
  const image = await sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } })
    .resize(size, size, { kernel: "nearest" })
    .png()
    .toBuffer();
  const text = `${right ? "✓" : "✗"} ${classes[best]} ${(100 * softmaxOf(row)[best]).toFixed(0)} %`;
  const colour = right ? "#1a7f37" : "#cf222e";
  const caption = `<svg width="${size}" height="${label}"><rect width="100%" height="100%" fill="white"/><text x="3" y="15" font-family="sans-serif" font-size="11" fill="${colour}">${text}</text></svg>`;
  tiles.push({ input: image, left, top }, { input: Buffer.from(caption), left, top: top + size });
}
const width = columns * size;
const height = rows * (size + label);
const png = await sharp({ create: { width, height, channels: 3, background: "white" } })
  .composite(tiles)
  .png({ palette: true })
  .toBuffer();
writeFileSync(new URL("../docs/demo.png", import.meta.url), png);
await engine.close();
