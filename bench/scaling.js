// A step over 1, 2, 4 and 8 simulated devices: does it compile, does it agree, what do the devices exchange, and what
// would that cost on real ones.
//   npm run bench:scaling -- [--models deit_tiny_patch16_224] [--batch 8] [--steps 2] [--devices 1,2,4,8]
//                            [--share 0.45] [--per-device 128]
// The last table is arithmetic, not a measurement: computing at `share` of an accelerator's bfloat16 peak, gradients
// reduced within a node over its own links and between nodes over the network, with nothing of it hidden behind the
// backward pass.

import { createModel, createOptimizer, initialize, tensor, trainStep } from "deit";
import { flops } from "./flops.js";
import { listOf, optionsOf, pixels } from "./harness.js";
import { collectives, createXlaEngine } from "./internals.js";

const options = optionsOf({
  ...{ models: "deit_tiny_patch16_224", batch: 8, steps: 2, devices: "1,2,4,8", share: 0.45, "per-device": 128 },
});
/** An accelerator and its surroundings, by its maker's figures: bfloat16 FLOP/s, bytes/s one way, seconds. */
const hardware = {
  name: "H100 SXM, 8 a node, one 400 Gbit/s adapter each",
  peak: 989e12,
  withinNode: 450e9,
  betweenNodes: 50e9,
  /** What one hop of a ring or tree takes, however little it carries. */
  hop: 10e-6,
};
const perNode = 8;
const optimizer = { kind: "adamw", betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.05 };
const { batch, "per-device": perDevice } = options;

for (const name of listOf(options.models)) {
  const model = createModel(name);
  const step = trainStep(model, { batch, optimizer });
  console.log(`${name}, global batch ${batch}, float32, simulated CPU devices`);
  let alone;
  let exchanged = 0;
  for (const devices of listOf(options.devices).map(Number)) {
    const { losses, found, temporaryBytes } = await descend(model, step, devices);
    alone ??= losses;
    const apart = Math.max(...losses.map((loss, i) => Math.abs(loss / alone[i] - 1)));
    const sent = found.map((c) => `${c.count} ${c.kind} of ${mb(c.bytes)}`).join(", ") || "nothing";
    exchanged = found.reduce((sum, c) => sum + c.bytes, 0);
    console.log(
      `  ${devices} device${devices > 1 ? "s" : ""}: loss ${losses.at(-1).toFixed(6)} after ${losses.length} steps (apart from one device by ${apart.toExponential(1)}), exchanges ${sent}, temporaries ${mb(temporaryBytes)} a device`,
    );
  }
  forecast(model, exchanged);
}

async function descend(model, step, devices) {
  const engine = await createXlaEngine({ plugin: "cpu", devices });
  try {
    const executable = await engine.compile(step.program);
    const weights = initialize(model, 0);
    const state = await engine.createState(
      new Map([...step.state].map(([n, s]) => [n, weights.get(n) ?? tensor.zeros("float32", s)])),
    );
    const side = model.imageSize;
    const images = pixels(batch * side * side * 3);
    const labels = Int32Array.from({ length: batch }, (_, i) => (i * 37) % model.classes);
    const losses = [];
    for (let i = 0; i < options.steps; i++) {
      const scalars = createOptimizer(optimizer).scalars(1e-4, i + 1);
      const out = await executable.run(
        state,
        new Map([
          ["images", tensor.hostTensor("uint8", [batch, side, side, 3], images)],
          ["labels", tensor.hostTensor("int32", [batch], labels)],
          ...Object.entries(scalars).map(([n, v]) => [n, tensor.float32([], [v])]),
        ]),
      );
      losses.push(out.get("loss").data[0]);
    }
    const { temporaryBytes } = executable;
    return { losses, temporaryBytes, found: collectives(executable.loaded.optimizedProgram()) };
  } finally {
    await engine.close();
  }
}

/** Seconds of an all-reduce of `bytes` on every device: reduced within nodes, then between them, then handed back. */
function exchangeSeconds(bytes, devices) {
  const local = Math.min(devices, perNode);
  const nodes = Math.ceil(devices / perNode);
  const ring = (n, size, bandwidth) =>
    n > 1 ? (2 * (n - 1) * size) / n / bandwidth + 2 * Math.log2(n) * hardware.hop : 0;
  return ring(local, bytes, hardware.withinNode) + ring(nodes, bytes / local, hardware.betweenNodes);
}

function forecast(model, bytes) {
  const computed =
    (flops(trainStep(model, { batch: 1, optimizer }).program) * perDevice) / (hardware.peak * options.share);
  console.log(
    `  expected on ${hardware.name}: ${perDevice} images a device, ${Math.round(options.share * 100)} % of ${hardware.peak / 1e12} TFLOP/s`,
  );
  for (const devices of [1, 8, 64 * perNode]) {
    const exchange = exchangeSeconds(bytes, devices);
    const total = computed + exchange;
    const images = (devices * perDevice) / total;
    console.log(
      `    ${devices} device${devices > 1 ? "s" : ""} (${Math.ceil(devices / perNode)} node${devices > perNode ? "s" : ""}): ${ms(computed)} computing + ${ms(exchange)} exchanging, ${Math.round(images)} images/s, ${((100 * computed) / total).toFixed(1)} % of perfect scaling`,
    );
  }
}

function mb(bytes) {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

function ms(seconds) {
  return `${(1000 * seconds).toFixed(2)} ms`;
}
