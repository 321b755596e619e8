// The fastest matrix product of one of our engines, which bounds what a model can reach on it:
//   node bench/ours/peak.js onnx|xla float32|bfloat16

import { openEngine, tensor } from "deit";
import { dot, input, program, scalar } from "deit/tensor";

const [engineName, precision] = process.argv.slice(2);
const engine = await openEngine({ engine: engineName });
/** A square product and those of DeiT-Ti's and DeiT-S's MLP at batch 8: rows, contracted, columns. */
const sizes = [
  [1024, 1024, 1024],
  [1576, 192, 768],
  [1576, 768, 192],
  [1576, 384, 1536],
];
const products = 4;
let best = 0;
for (const [m, k, n] of sizes) {
  // Operands and results are state, so nothing is copied between the host and the device.
  const b = input("b", "float32", [k, n]);
  const names = Array.from({ length: products }, (_, i) => [`a${i}`, `y${i}`]);
  const updates = new Map(names.map(([a, y]) => [y, dot(input(a, "float32", [m, k]), b, { contract: [[1], [0]] })]));
  const state = new Map([["b", numbers([k, n])]]);
  for (const [a, y] of names) state.set(a, numbers([m, k])).set(y, tensor.zeros("float32", [m, n]));
  const built = program({ name: "peak", outputs: { done: scalar(1) }, updates, state: state.keys() });
  const executable = await engine.compile(built, { precision });
  const held = await engine.createState(state);
  for (let i = 0; i < 25; i++) {
    const start = performance.now();
    await executable.run(held, new Map());
    best = Math.max(best, (2 * products * m * k * n) / (performance.now() - start) / 1e6);
  }
}
console.log(JSON.stringify({ peakGflops: best }));
await engine.close();
process.exit(0);

function numbers(shape) {
  const data = Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => ((i * 7919) % 1000) / 1000);
  return tensor.hostTensor("float32", shape, data);
}
