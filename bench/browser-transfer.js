// Few pictures learned in a page: `fineTune` of deit/web beside transfer learning in TensorFlow.js as Teachable Machine does it,
// in headless Chromium, on the same pictures.
//   node bench/browser-transfer.js --data FOLDER --weights deit_tiny.safetensors --tfjs NODE_MODULES --mobilenet FOLDER
//     [--train 30] [--test 30] [--ways head,blocks,tfjs] [--compare IMAGES] [--repeat 100]
// FOLDER has train/CLASS and test/CLASS; NODE_MODULES has @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm; the MobileNet is
// model.json with weights, as peer/mobilenet-to-tfjs.py writes it; both are for tfjs alone. IMAGES is a folder of pictures for the
// first prediction of an untrained classifier, for --repeat more of the same picture, and for a comparison of 20 of its answers with
// those in Node; with --ways "", these alone, and --data is not needed.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";
import { build } from "vite";
import { classifier } from "../dist/index.js";
import { here, listOf, optionsOf, writeReport } from "./harness.js";

const options = optionsOf({
  ...{ data: undefined, weights: undefined, tfjs: undefined, mobilenet: undefined, train: 30, test: 30 },
  ...{
    ways: "head,blocks,tfjs",
    compare: undefined,
    repeat: 100,
    chromium: "/usr/bin/chromium",
    model: "deit_tiny_patch16_224",
    json: undefined,
  },
});
const ways = listOf(options.ways);
const needed = [
  ...["weights", ...(ways.length > 0 ? ["data"] : [])],
  ...(ways.includes("tfjs") ? ["tfjs", "mobilenet"] : []),
];
for (const name of needed) if (!options[name]) throw new Error(`Give --${name}.`);

const classes = options.data ? readdirSync(join(options.data, "train")).sort() : [];
const pictures = (part, most) =>
  Object.fromEntries(
    classes.map((name) => [
      name,
      readdirSync(join(options.data, part, name))
        .sort()
        .slice(0, most)
        .map((file) => `/data/${part}/${name}/${file}`),
    ]),
  );
const sets = { train: pictures("train", options.train), test: pictures("test", options.test) };

const [{ output }] = await build({
  ...{ configFile: false, root: here(".."), logLevel: "warn" },
  build: {
    ...{ write: false, lib: { entry: here("../dist/web/index.js"), formats: ["es"], fileName: "index" } },
    rollupOptions: { external: [/^onnxruntime-web/] },
  },
});
const chunks = new Map(output.filter(({ type }) => type === "chunk").map(({ fileName, code }) => [fileName, code]));
const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<script type="importmap">{"imports":{"onnxruntime-web/wasm":"/ort/ort.wasm.bundle.min.mjs",
"onnxruntime-web/webgpu":"/ort/ort.webgpu.bundle.min.mjs"}}</script>
${options.tfjs ? '<script src="/tfjs/@tensorflow/tfjs/dist/tf.min.js"></script>' : ""}
${options.tfjs ? '<script src="/tfjs/@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js"></script>' : ""}`;
const folders = {
  ...{ data: options.data, tfjs: options.tfjs, mobilenet: options.mobilenet, compare: options.compare },
  ort: here("../node_modules/onnxruntime-web/dist"),
};
const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

const server = createServer((request, response) => {
  const [, top, ...rest] = new URL(request.url, "http://localhost").pathname.split("/");
  const path = folders[top] !== undefined ? join(folders[top], ...rest) : undefined;
  const body =
    top === ""
      ? page
      : top === "deit"
        ? chunks.get(rest.join("/"))
        : top === "weights"
          ? readFileSync(options.weights)
          : path && existsSync(path) && readFileSync(path);
  response.writeHead(body ? 200 : 404, {
    "content-type":
      top === ""
        ? types[".html"]
        : (types[top === "deit" ? ".js" : extname(rest.at(-1) ?? "")] ?? "application/octet-stream"),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
  });
  response.end(body || undefined);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const browser = await chromium.launch({ executablePath: options.chromium, args: ["--no-sandbox"] });
const rows = [];
try {
  if (options.compare) await compare(readdirSync(options.compare).sort().slice(0, 20));
  for (const way of ways) {
    const tab = await browser.newPage();
    tab.on("pageerror", (error) => console.error(error));
    await tab.goto(`http://localhost:${server.address().port}/`);
    const given = { ...sets, model: options.model, blocks: way === "blocks" ? 2 : 0 };
    const found = await (way === "tfjs" ? tab.evaluate(withTensorflow, given) : tab.evaluate(withDeit, given));
    rows.push({ way, ...found });
    console.log(
      `${way}: top-1 ${found.top1.toFixed(1)} % of ${found.images}, training ${found.seconds.toFixed(1)} s, opening ${found.opening.toFixed(1)} s, a picture ${(1000 * found.each).toFixed(0)} ms (${found.backend})`,
    );
    await tab.close();
  }
} finally {
  await browser.close();
  server.close();
}
if (options.json) writeReport(options.json, { options, rows });

/** Answers in the page beside those in Node: the first one's time, and how far they differ. */
async function compare(names) {
  const { weights, model } = options;
  const tab = await browser.newPage();
  await tab.addInitScript(rememberMemories);
  await tab.goto(`http://localhost:${server.address().port}/`);
  const addresses = names.map((name) => `/compare/${name}`);
  const found = await tab.evaluate(answersInPage, { model, addresses, repeat: options.repeat });
  await tab.close();
  const node = await classifier({ model, weights });
  let [difference, sameOrder] = [0, 0];
  for (const [i, name] of names.entries()) {
    const expected = await node(join(options.compare, name), { top: 1000 });
    const page = found.answers[i];
    const scores = new Map(page.map(({ index, score }) => [index, Math.log(score)]));
    for (const { index, score } of expected)
      difference = Math.max(difference, Math.abs(Math.log(score) - scores.get(index)));
    if (expected.slice(0, 5).every(({ index }, at) => page[at].index === index)) sameOrder++;
  }
  await node.close();
  rows.push({
    way: "compare",
    pictures: names.length,
    sameOrder,
    difference,
    first: found.first,
    opening: found.opening,
    speed: found.speed,
    wasmBytes: found.wasmBytes,
  });
  console.log(
    `first prediction ${found.first.toFixed(2)} s after opening in ${found.opening.toFixed(2)} s (${found.backend}); beside Node, ${names.length} pictures: ${sameOrder} with the same five classes in order, log-probabilities within ${difference.toExponential(1)}`,
  );
  console.log(
    `${options.repeat} predictions one after the other: ${found.speed.toFixed(2)} images/s; WebAssembly's memory: ${(found.wasmBytes / 2 ** 20).toFixed(0)} MiB`,
  );
}

/** In the page, before its scripts: keeps the memories that WebAssembly gets, to ask for their sizes. */
function rememberMemories() {
  const { Memory } = WebAssembly;
  globalThis.memories = [];
  WebAssembly.Memory = class extends Memory {
    constructor(...given) {
      super(...given);
      globalThis.memories.push(this);
    }
  };
}

async function answersInPage({ model, addresses, repeat }) {
  const address = "/deit/index.js";
  const { classifier } = await import(address);
  const began = performance.now();
  const classify = await classifier({ model, weights: "/weights" });
  const opened = performance.now();
  const answers = [await classify(addresses[0], { top: 1000 })];
  const first = performance.now();
  for (const each of addresses.slice(1)) answers.push(await classify(each, { top: 1000 }));
  const picture = await (await fetch(addresses[0])).blob();
  const start = performance.now();
  for (let i = 0; i < repeat; i++) await classify.logits(picture);
  const speed = (1000 * repeat) / (performance.now() - start);
  const wasmBytes = Math.max(...globalThis.memories.map(({ buffer }) => buffer.byteLength));
  const backend = `${classify.backend.name}, ${classify.backend.threads} threads`;
  return { answers, backend, speed, wasmBytes, opening: (opened - began) / 1000, first: (first - opened) / 1000 };
}

/** In the page: training on `train`, then the share of `test` that is right, in percent. */
async function withDeit({ train, test, model, blocks }) {
  const address = "/deit/index.js"; // of this server, not of this machine
  const { classifier, fineTune } = await import(address);
  const began = performance.now();
  const base = await classifier({ model, weights: "/weights" });
  const opened = performance.now();
  const tuned = await fineTune(base, train, { blocks, validation: 0 });
  const trained = performance.now();
  let [right, images] = [0, 0];
  for (const [name, files] of Object.entries(test))
    for (const file of files) {
      const [{ label }] = await tuned.classify(file, { top: 1 });
      images++;
      if (label === name) right++;
    }
  const seconds = (from, to) => (to - from) / 1000;
  const backend = `${base.backend.name}, ${base.backend.threads} threads`;
  return {
    ...{ images, top1: (100 * right) / images, backend },
    ...{ opening: seconds(began, opened), seconds: seconds(opened, trained) },
    each: seconds(trained, performance.now()) / images,
  };
}

/**
 * The same as Teachable Machine's image models: the features of MobileNet, pooled, and on them a layer of 100 units and one of
 * the classes, by Adam with a learning rate of 0.001 in 50 epochs of batches of 16.
 */
async function withTensorflow({ train, test }) {
  const { tf } = globalThis;
  tf.wasm.setWasmPaths("/tfjs/@tensorflow/tfjs-backend-wasm/dist/");
  tf.wasm.setThreadsCount(navigator.hardwareConcurrency);
  await tf.setBackend("wasm");
  await tf.ready();
  const began = performance.now();
  const mobilenet = await tf.loadLayersModel("/mobilenet/model.json");
  const side = mobilenet.inputs[0].shape[1];
  const opened = performance.now();
  const features = async (file) => {
    const bitmap = await createImageBitmap(await (await fetch(file)).blob());
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    const { data } = canvas.getContext("2d").getImageData(0, 0, bitmap.width, bitmap.height);
    return tf.tidy(() => {
      const rgba = tf.tensor3d(Float32Array.from(data), [bitmap.height, bitmap.width, 4]);
      const image = tf.image.resizeBilinear(rgba.slice([0, 0, 0], [-1, -1, 3]), [side, side]);
      return mobilenet.predict(image.div(127.5).sub(1).expandDims()).mean([1, 2]);
    });
  };
  const names = Object.keys(train);
  const rows = [];
  const labels = [];
  for (const [i, name] of names.entries())
    for (const file of train[name]) {
      rows.push(await features(file));
      labels.push(i);
    }
  const values = await tf.concat(rows).data();
  const seen = performance.now();
  const width = values.length / rows.length;
  // Gradients of small layers: the backend that has all of their operations.
  await tf.setBackend("cpu");
  const head = tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [width], units: 100, activation: "relu", kernelInitializer: "varianceScaling" }),
      tf.layers.dense({
        units: names.length,
        activation: "softmax",
        useBias: false,
        kernelInitializer: "varianceScaling",
      }),
    ],
  });
  head.compile({ optimizer: tf.train.adam(0.001), loss: "categoricalCrossentropy", metrics: ["accuracy"] });
  const targets = tf.oneHot(tf.tensor1d(labels, "int32"), names.length);
  await head.fit(tf.tensor2d(values, [rows.length, width]), targets, { epochs: 50, batchSize: 16, shuffle: true });
  const trained = performance.now();
  let [right, images] = [0, 0];
  for (const [i, name] of names.entries())
    for (const file of test[name]) {
      await tf.setBackend("wasm");
      const row = await (await features(file)).data();
      await tf.setBackend("cpu");
      const answer = await head
        .predict(tf.tensor2d(row, [1, width]))
        .argMax(1)
        .data();
      images++;
      if (answer[0] === i) right++;
    }
  const seconds = (from, to) => (to - from) / 1000;
  return {
    ...{ images, top1: (100 * right) / images, backend: `wasm, ${tf.wasm.getThreadsCount()} threads` },
    ...{ opening: seconds(began, opened), seconds: seconds(opened, trained), features: seconds(opened, seen) },
    each: seconds(trained, performance.now()) / images,
  };
}
