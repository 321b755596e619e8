// Where flip, normalisation, erasing and mixing cost least: in the loader's threads or in the compiled program.
//   npm run bench:batch -- [--engine onnx|xla] [--batch 64] [--rounds 15]
// Microseconds per image of 224 pixels on one thread. The program's steps are timed as differences between programs that
// do one thing more than the one before and end in the same sum; the loader's as plain loops over the same pixels, and
// the flip as what it adds to the resizing that every crop does anyway.
import { normalize, openEngine, tensor } from "deit";
import { inTurns, median, optionsOf } from "./harness.js";
import { batchImages, batchInputs, eraseInputs, mixInputs, planResize } from "./internals.js";

const options = optionsOf({ engine: "onnx", batch: 64, rounds: 15 });
const { batch, rounds } = options;
const size = 224;
const normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const random = (length, scale) => Float32Array.from({ length }, (_, i) => (((i * 2654435761) >>> 8) / 2 ** 24) * scale);
const pixels = Uint8Array.from(random(batch * size * size * 3, 256));
const images = tensor.input(batchInputs.images, "uint8", [batch, size, size, 3]);

const flipped = () => {
  const flags = tensor.reshape(tensor.input("flip", "float32", [batch]), [batch, 1, 1, 1]);
  return tensor.select(tensor.compare("GT", flags, 0.5), tensor.reverse(images, 2), images);
};
const whole = (transform) => batchImages(batch, size, normalization, transform);
const erasing = { probability: 1, mode: "pixel", count: 1 };
const mixing = { mixup: 1, cutmix: 1, probability: 1, switchProbability: 0.5, mode: "batch" };
const programs = {
  "cast alone": tensor.cast(images, "float32"),
  normalisation: whole(),
  "with flip": normalize(flipped(), normalization),
  "with erasing": whole({ erasing }),
  "with erasing and mixing": whole({ erasing, mixing }),
};
const data = new Map([
  [batchInputs.images, tensor.hostTensor("uint8", [batch, size, size, 3], pixels)],
  ["flip", tensor.float32([batch], random(batch, 1))],
  [mixInputs.share, tensor.float32([batch, 1, 1], random(batch, 1))],
  [mixInputs.box, tensor.float32([batch, 4], new Float32Array(4 * batch).fill(30))],
  [
    eraseInputs.boxes,
    tensor.float32(
      [batch, 1, 4],
      new Float32Array(4 * batch).map((_, i) => (i % 2) * 90 + 20),
    ),
  ],
  [eraseInputs.seed, tensor.hostTensor("int32", [2], Int32Array.of(1, 2))],
]);

const engine = await openEngine({ engine: options.engine, threads: 1 });
const runs = {};
for (const [name, result] of Object.entries(programs)) {
  const sum = tensor.reduceSum(tensor.reshape(result, [batch * size * size * 3]), [0]);
  const program = tensor.program({ name, outputs: { sum } });
  const executable = await engine.compile(program, {});
  const state = await engine.createState(new Map());
  const wanted = new Map(program.inputs.map((input) => [input.name, data.get(input.name)]));
  runs[name] = () => executable.run(state, wanted);
}

const floats = new Float32Array(pixels.length);
const noise = random(size * size * 3, 1);
/** Kept from view to view, as a loader would. */
const perImage = size * size * 3;
const [scale, shift] = [0, 1].map((which) =>
  Float32Array.from({ length: 3 }, (_, c) =>
    which === 0 ? 1 / (255 * normalization.std[c]) : -normalization.mean[c] / normalization.std[c],
  ),
);
const loops = {
  normalisation: () => {
    for (let i = 0; i < pixels.length; i += 3) {
      floats[i] = pixels[i] * scale[0] + shift[0];
      floats[i + 1] = pixels[i + 1] * scale[1] + shift[1];
      floats[i + 2] = pixels[i + 2] * scale[2] + shift[2];
    }
  },
  erasing: () => {
    for (let image = 0; image < batch; image++) {
      for (let y = 20; y < 110; y++) {
        const row = (y * size + 20) * 3;
        floats.set(noise.subarray(row, row + 270), image * perImage + row);
      }
    }
  },
  mixing: () => {
    for (let image = 0; image < batch >> 1; image++) {
      const [a, b] = [image * perImage, (batch - 1 - image) * perImage];
      for (let i = 0; i < perImage; i++) {
        const [x, y] = [floats[a + i], floats[b + i]];
        floats[a + i] = 0.7 * x + 0.3 * y;
        floats[b + i] = 0.7 * y + 0.3 * x;
      }
    }
  },
};
const crop = { width: 300, height: 260 };
const decoded = { ...crop, left: 0, top: 0, data: pixels.subarray(0, 300 * 260 * 3) };
const resized = (mirrored) => () => {
  for (let i = 0; i < batch; i++)
    planResize(crop, { width: size, height: size, interpolation: "bicubic", mirrored }).run(decoded);
};
const work = { ...runs, ...Object.fromEntries(Object.entries(loops).map(([name, run]) => [`loop: ${name}`, run])) };
work.resizing = resized(false);
work["resizing, flipped"] = resized(true);

const times = await inTurns(work, rounds);
await engine.close();
const cost = (name) => (median(times[name]) * 1000) / batch;
const row = (name, loader, program) =>
  console.log(`${name.padEnd(16)}${loader.toFixed(0).padStart(8)}${program.toFixed(0).padStart(10)}`);
console.log(`µs per image      loader   program (${options.engine})`);
row("flip", cost("resizing, flipped") - cost("resizing"), cost("with flip") - cost("normalisation"));
row("normalisation", cost("loop: normalisation"), cost("normalisation") - cost("cast alone"));
row("random erasing", cost("loop: erasing"), cost("with erasing") - cost("normalisation"));
row("Mixup, CutMix", cost("loop: mixing"), cost("with erasing and mixing") - cost("with erasing"));
console.log(
  Object.keys(times)
    .map((name) => `${name} ${cost(name).toFixed(0)}`)
    .join(", "),
);
process.exit(0);
