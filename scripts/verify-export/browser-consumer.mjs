// Loads an export with transformers.js in headless Chromium, through its pipeline, and prints one JSON line. Everything
// comes from a server on this machine.
// usage: node browser-consumer.mjs EXPORTS REFERENCE IMAGES, in a folder with the consumers' packages; CHROMIUM: its path
import { createReadStream, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { denormalized, differenceOf, largestOf, normalized, readReference } from "./reference.mjs";

const [exports, folder, images] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), "package.json"));
const playwright = await import(pathToFileURL(require.resolve("playwright-core")));
const { chromium } = playwright.default ?? playwright;
const sharp = require("sharp");
const packageFolder = join(process.cwd(), "node_modules/@huggingface/transformers");
const { version } = JSON.parse(readFileSync(join(packageFolder, "package.json")));
const nested = join(packageFolder, "node_modules/onnxruntime-web/dist");
const runtime = existsSync(nested) ? nested : join(process.cwd(), "node_modules/onnxruntime-web/dist");
const reference = readReference(folder, images);
const { files, size, top1, givenShape, pixelValues, logits: expected } = reference;

const page = `<!doctype html><meta charset="utf-8"><title>transformers.js</title><link rel="icon" href="data:,">
<script type="module">
  globalThis.hf = await import("/transformers/dist/transformers.min.js");
  const { env } = hf;
  Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: "/exports/" });
  Object.assign(env, { useBrowserCache: false, useWasmCache: false });
  const file = (end) => new URL("/runtime/ort-wasm-simd-threaded.asyncify." + end, location.href).href;
  env.backends.onnx.wasm.wasmPaths = { mjs: file("mjs"), wasm: file("wasm") };
  globalThis.ready = true;
</script>`;
const types = { ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json" };
Object.assign(types, { ".wasm": "application/wasm", ".JPEG": "image/jpeg", ".html": "text/html" });
const roots = { exports, images, decoded: join(folder, "decoded"), transformers: packageFolder, runtime };
const asked = [];
const server = createServer((request, response) => {
  const [, root, ...rest] = decodeURIComponent(new URL(request.url, "http://localhost").pathname).split("/");
  const path = roots[root] && !rest.includes("..") ? join(roots[root], ...rest) : undefined;
  const found = root === "" || (path && existsSync(path));
  response.writeHead(found ? 200 : 404, {
    "content-type": root === "" ? "text/html" : (types[extname(path ?? "")] ?? "application/octet-stream"),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
  });
  if (root === "") response.end(page);
  else if (found) createReadStream(path).pipe(response);
  else response.end();
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `http://localhost:${server.address().port}`;
const executablePath = process.env.CHROMIUM || ["/usr/bin/chromium", "/usr/bin/google-chrome"].find(existsSync);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const tab = await browser.newPage();
  tab.on("pageerror", (error) => console.error("page:", error));
  tab.on("request", (request) => {
    if (!request.url().startsWith(address) && !/^(data|blob):/.test(request.url())) asked.push(request.url());
  });
  await tab.goto(`${address}/`);
  await tab.waitForFunction("globalThis.ready === true");
  await tab.evaluate(async () => {
    const { AutoImageProcessor, pipeline } = hf;
    globalThis.classify = await pipeline("image-classification", "huggingface", { dtype: "fp32", device: "wasm" });
    globalThis.processor = await AutoImageProcessor.from_pretrained("huggingface");
    globalThis.run = async (values, shape) => {
      const pixel_values = new hf.Tensor("float32", Float32Array.from(values), shape);
      return Array.from((await classify.model({ pixel_values })).logits.data);
    };
  });
  const run = (values, shape) =>
    tab.evaluate(
      ([v, s]) => run(new Float32Array(Uint8Array.from(atob(v), (c) => c.charCodeAt(0)).buffer), s),
      [Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64"), shape],
    );
  const difference = differenceOf(await run(pixelValues, givenShape), expected);
  const id2label = await tab.evaluate(() => classify.model.config.id2label);
  const classOf = (label) => Number(Object.keys(id2label).find((id) => id2label[id] === label));
  const [others, made] = [[], []];
  for (const [i, image] of files.entries()) {
    const label = await tab.evaluate(async (name) => {
      return (await classify(`/images/${encodeURIComponent(name)}`, { top_k: 1 }))[0].label;
    }, image);
    // Two classes of ImageNet may have one name.
    if (label === id2label[top1[image]]) continue;
    const answer = classOf(label);
    const seen = await tab.evaluate(async (name) => {
      const image = await hf.RawImage.read(`/images/${encodeURIComponent(name)}`);
      return Array.from((await processor(image)).pixel_values.data);
    }, image);
    made.push(denormalized(reference, seen));
    const onReferencePixels = largestOf(await run(normalized(reference, i), [1, 3, size, size]));
    others.push({ image, expected: top1[image], answer, onReferencePixels });
  }
  await tab.evaluate(async () => {
    const settings = { dtype: "fp32", device: "wasm" };
    globalThis.classifyWhole = await hf.pipeline("image-classification", "huggingface-preprocessing", settings);
  });
  const whole = async (address) =>
    classOf(await tab.evaluate(async (place) => (await classifyWhole(place, { top_k: 1 }))[0].label, address));
  const othersWhole = [];
  const asDecoded = join(folder, "chromium-decoded");
  for (const image of files) {
    const place = `/images/${encodeURIComponent(image)}`;
    const answer = await whole(place);
    if (id2label[answer] === id2label[top1[image]]) continue;
    // What is left to differ is how the browser decodes: its pixels for timm, and Pillow's for the browser.
    const { data, width, height } = await tab.evaluate(async (where) => {
      const { data, width, height } = (await hf.RawImage.read(where)).rgb();
      return { data: Array.from(data), width, height };
    }, place);
    mkdirSync(asDecoded, { recursive: true });
    const raw = { width, height, channels: 3 };
    await sharp(Uint8Array.from(data), { raw })
      .png()
      .toFile(join(asDecoded, `${image}.png`));
    const onReferencePixels = await whole(`/decoded/${encodeURIComponent(image)}.png`);
    othersWhole.push({ image, expected: top1[image], answer, onReferencePixels });
  }
  const pixels = made.length === 0 ? null : join(folder, "chromium.u8");
  if (pixels) writeFileSync(pixels, Buffer.concat(made));
  if (asked.length > 0) throw new Error(`The page asked for ${asked[0]}; all it needs must come from this machine.`);
  const consumer = `transformers.js ${version} in Chromium ${browser.version().split(".")[0]}`;
  console.log(JSON.stringify({ consumer, difference, images: files.length, others, pixels }));
  const inGraph = {
    ...{ consumer: `${consumer}, preprocessing in the graph`, images: files.length, others: othersWhole },
    pixels: othersWhole.length === 0 ? null : asDecoded,
  };
  console.log(JSON.stringify(inGraph));
} finally {
  await browser.close();
  server.closeAllConnections();
  server.close();
}
