// Exports models and loads the exports with the programs that they are for: `npm run verify:export [MODEL …]`.
// The programs are installed in a folder outside the project (setup.sh), where the trained models and the results stay too;
// DEIT_VERIFY_DIR chooses it. DEIT_SHARED is the folder of the reference data.
//
// What is required of every program and model, with timm on PyTorch as the reference:
// - a largest logit difference of 1e-4 on given pixel_values;
// - the same top-1 for 199 of the 200 images. Where a program that decodes or resizes images itself has fewer, the cause must
//   be proved to be its pixels: on these timm gives the program's answers, and on timm's pixels the program gives timm's.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openModel } from "../../dist/index.js";
import { verifiedModels } from "./cases.mjs";
import { judge, table } from "./results.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const shared = process.env.DEIT_SHARED;
if (!shared || !existsSync(shared)) {
  console.error("Set DEIT_SHARED to the folder of the reference data (CONTRIBUTING.md).");
  process.exit(2);
}
const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
const folder = process.env.DEIT_VERIFY_DIR || join(cache, "deit-verify-export");
const images = join(shared, "data/imagenet-sample");

/** What a program prints on its standard output. */
const run = (program, args, options = {}) =>
  execFileSync(program, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 28,
    ...options,
  });
const deit = (args) => run(process.execPath, [join(here, "../../bin/deit.js"), ...args]);

run("bash", [join(here, "setup.sh")], { env: { ...process.env, DEIT_VERIFY_DIR: folder } });
const [five, four] = ["python", "python-transformers4"].map((name) => join(folder, name, "bin/python"));
const packages = { cwd: join(folder, "node") };

const wanted = process.argv.slice(2);
const models = verifiedModels({ shared, folder, deit });
const unknown = wanted.find((title) => !models.some((model) => model.title === title));
if (unknown !== undefined) {
  console.error(`There is no model "${unknown}"; the models are ${models.map(({ title }) => title).join("; ")}.`);
  process.exit(2);
}

/** The lines that the programs print for one model. */
async function verified({ title, model: name, source }) {
  const weights = source();
  const exports = join(folder, "exports", title.replace(/\W+/g, "-"));
  rmSync(exports, { recursive: true, force: true });
  const reference = join(exports, "reference");
  mkdirSync(reference, { recursive: true });
  const { model, view } = await openModel({ weights, model: name });
  const about = join(reference, "case.json");
  const state = existsSync(join(weights, "best.safetensors")) ? join(weights, "best.safetensors") : weights;
  const { imageSize, cropRatio } = view;
  writeFileSync(about, JSON.stringify({ model: name, weights: state, classes: model.classes, imageSize, cropRatio }));
  console.error(`${title}: the reference`);
  run(five, [join(here, "reference.py"), about, images, reference]);
  const write = (to, output, ...files) =>
    deit([
      "export",
      weights,
      "--model",
      name,
      "--to",
      to,
      "--output",
      join(exports, output),
      "--images",
      "8",
      ...files,
    ]);
  write("onnx", "onnx", "--quantize", "float16", "int8", "--preprocessing");
  for (const to of ["huggingface", "transformers", "timm"]) write(to, to);
  write("huggingface", "huggingface-preprocessing", "--preprocessing");
  const places = [exports, reference, images];
  const programs = [
    [process.execPath, [join(here, "node-consumers.mjs"), ...places], packages],
    [process.execPath, [join(here, "browser-consumer.mjs"), ...places], packages],
    [five, [join(here, "python_consumers.py"), ...places, "transformers", "wrapper", "timm", "openvino", "onnx"]],
    [four, [join(here, "python_consumers.py"), ...places, "transformers", "wrapper"]],
  ];
  const lines = programs.flatMap(([program, args, options]) => {
    console.error(`${title}: ${args[0].slice(here.length)}${program === four ? ", transformers 4" : ""}`);
    const printed = run(program, args, options).split("\n");
    return printed.filter((text) => text.startsWith("{")).map((text) => JSON.parse(text));
  });
  const made = Object.fromEntries(
    lines.filter(({ pixels }) => pixels).map(({ consumer, pixels }) => [consumer, pixels]),
  );
  const list = join(reference, "pixels.json");
  writeFileSync(list, JSON.stringify(made));
  const onTheirPixels = JSON.parse(run(five, [join(here, "reference.py"), about, list]));
  for (const file of readdirSync(reference))
    if (/\.u8$|decoded$/.test(file)) rmSync(join(reference, file), { recursive: true });
  return lines.map((line) => ({ model: title, ...judge(line, onTheirPixels[line.consumer]) }));
}

const path = join(folder, "verification.json");
const stored = () => (existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : []);
const chosen = models.filter(({ title }) => wanted.length === 0 || wanted.includes(title));
for (const model of chosen) {
  const lines = await verified(model);
  // Results of other models are kept, also where this run ends before its last model.
  const all = [...stored().filter((line) => line.model !== model.title), ...lines];
  writeFileSync(path, `${JSON.stringify(all, undefined, 2)}\n`);
}
const results = stored().filter((line) => chosen.some(({ title }) => title === line.model));
console.log(`${table(results)}\n\n${path}`);
process.exitCode = results.some(({ verdict }) => verdict === "failed") ? 1 : 0;
