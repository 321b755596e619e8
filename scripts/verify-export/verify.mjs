// Exports models and loads the exports with the programs that they are for: `npm run verify:export`.
// DEIT_VERIFY_NODE and DEIT_VERIFY_PYTHON name a folder with the npm packages and an interpreter with the Python ones
// (setup.sh makes both); DEIT_SHARED the reference data. Fails where a float32 logit differs by more than 1e-4 from that
// of timm on PyTorch, or the most likely class of more than one image in 200.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createModel, initialize, writeSafetensors } from "../../dist/index.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const { DEIT_VERIFY_NODE: node, DEIT_VERIFY_PYTHON: python, DEIT_SHARED: shared } = process.env;
if (!node || !python || !shared) {
  console.error(
    "Set DEIT_VERIFY_NODE, DEIT_VERIFY_PYTHON (scripts/verify-export/setup.sh makes them) and DEIT_SHARED.",
  );
  process.exit(2);
}
const images = join(shared, "data/imagenet-sample");
const scratch = mkdtempSync(join(tmpdir(), "deit-verify-"));
const run = (program, args, options = {}) =>
  execFileSync(program, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 28,
    ...options,
  });

/** Weights of random numbers, spread so that the classes differ. */
async function random(name, classes) {
  const model = createModel(name, { classes });
  const weights = new Map([...initialize(model, 1)].map(([key, tensor]) => [key, scaled(key, tensor)]));
  const path = join(scratch, `${name}-${classes}.safetensors`);
  await writeSafetensors(path, weights, {
    "deit.model": name,
    "deit.config": JSON.stringify(model.config),
    "deit.classes": JSON.stringify(Array.from({ length: classes }, (_, i) => `class ${i}`)),
  });
  return path;
}
function scaled(name, tensor) {
  return /weight$/.test(name) && tensor.shape.length > 1 ? { ...tensor, data: tensor.data.map((v) => 3 * v) } : tensor;
}

const published = join(shared, "weights/deit_tiny_patch16_224.safetensors");
const cases = [
  { model: "deit_tiny_patch16_224", weights: published, classes: 1000, title: "DeiT-Ti, published" },
  {
    model: "deit_tiny_distilled_patch16_224",
    weights: await random("deit_tiny_distilled_patch16_224", 1000),
    classes: 1000,
    title: "DeiT-Ti distilled, random",
  },
  {
    model: "deit_tiny_patch16_224",
    weights: await random("deit_tiny_patch16_224", 10),
    classes: 10,
    title: "DeiT-Ti with 10 classes, random",
  },
];

let failed = false;
for (const { model, weights, classes, title } of cases) {
  console.log(`\n${title}`);
  const exports = join(scratch, title.replace(/\W+/g, "-"));
  const reference = join(exports, "reference");
  run(python, [join(here, "reference.py"), model, weights, String(classes), images, reference]);
  for (const to of ["onnx", "huggingface", "transformers", "timm"])
    run(process.execPath, [
      ...[
        join(here, "../../bin/deit.js"),
        "export",
        weights,
        "--model",
        model,
        "--to",
        to,
        "--output",
        join(exports, to),
      ],
      ...(to === "onnx" ? ["--quantize", "float16", "int8", "--preprocessing"] : []),
    ]);
  const args = [exports, reference, images];
  const lines = [
    run(process.execPath, [join(here, "node-consumers.mjs"), ...args], { cwd: node }),
    run(python, [join(here, "python_consumers.py"), ...args]),
  ].join("");
  for (const line of lines.split("\n").filter((text) => text.startsWith("{"))) {
    const { consumer, difference, same, images: count, skipped } = JSON.parse(line);
    const wrong =
      difference > 1e-4 ||
      (same !== undefined && same !== null && difference !== undefined && same < count - count / 200);
    failed ||= wrong;
    const parts = [
      ...(skipped ? [`skipped: ${skipped}`] : []),
      ...(difference === undefined ? [] : [`largest logit difference ${difference.toExponential(1)}`]),
      ...(typeof same === "number" ? [`same top-1 for ${same} of ${count} images`] : []),
    ];
    console.log(`  ${wrong ? "FAILED " : ""}${consumer}: ${parts.join(", ")}`);
  }
}
rmSync(scratch, { recursive: true });
process.exitCode = failed ? 1 : 0;
