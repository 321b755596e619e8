// Epochs of fine-tuning where only the head or the last blocks learn, beside timm the same way:
//   node bench/frozen.js --data FOLDER --weights deit_tiny_patch16_224.safetensors [--trained head,last-4] [--size 160]
//                        [--epochs 4] [--engine onnx] [--rounds 2] [--json results.json]
// FOLDER holds train/ and test/ with a folder of images per class. deit computes what the frozen part makes of one view of each
// image in the first epoch and reads it from then on (frozenViews=1); timm computes it in every epoch, as its train.py would.
// Both take turns; a first epoch is the least over the rounds, a later one the median of all.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { here, listOf, machine, median, optionsOf, output, peer, writeReport } from "./harness.js";

const options = optionsOf({
  ...{
    data: "",
    weights: "",
    trained: "head,last-4",
    size: 160,
    epochs: 4,
    engine: "onnx",
    rounds: 2,
    json: undefined,
  },
});
if (!options.data || !options.weights) throw new Error("--data FOLDER and --weights FILE are needed.");
const { data, weights, size, epochs, engine } = options;
const jsonLines = (text) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

/** Seconds of each epoch, the first with all that comes before it but opening the engine. */
function deit(trained) {
  const folder = mkdtempSync(join(tmpdir(), "deit-frozen-"));
  const settings = {
    finetune: weights,
    imageSize: size,
    headStart: "given",
    trainedParts: trained.replace(/^last-\d+$/, "$&-blocks"),
    frozenViews: 1,
    epochs,
    validateEvery: epochs,
    batchSize: 32,
    lr: 3e-4,
    ...(trained === "head" ? {} : { layerDecay: 0.85 }),
    warmupEpochs: 1,
    dropPath: 0,
    cropScale: "[0.6,1]",
    colorJitter: 0,
    seed: 0,
  };
  const run = join(folder, "run");
  output(process.execPath, [
    ...[here("../bin/deit.js"), "train", "finetune", data, "--engine", engine, "--output", run],
    ...["--set", ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)],
  ]);
  const log = jsonLines(readFileSync(join(run, "log.jsonl"), "utf8"));
  rmSync(folder, { recursive: true });
  const began = Date.parse(log.find(({ kind }) => kind === "environment").time);
  const [first, ...later] = log.filter(({ kind }) => kind === "epoch");
  return [(Date.parse(first.time) - began) / 1000, ...later.map(({ seconds }) => seconds)];
}

function timm(trained) {
  const [python, args] = peer("finetune", data, weights, epochs, size, 0, trained);
  return jsonLines(output(python, args))
    .filter((line) => line.epoch)
    .map(({ seconds }) => seconds);
}

const results = [];
for (const trained of listOf(options.trained)) {
  const times = { deit: [], timm: [] };
  for (let round = 0; round < options.rounds; round++)
    for (const [name, run] of Object.entries({ deit, timm })) {
      times[name].push(run(trained));
      process.stderr.write(
        `${trained} ${name}: ${times[name]
          .at(-1)
          .map((s) => s.toFixed(1))
          .join(", ")} s\n`,
      );
    }
  const of = (epochs) => ({
    first: Math.min(...epochs.map(([first]) => first)),
    later: median(epochs.flatMap(([, ...rest]) => rest)),
  });
  const [ours, theirs] = [of(times.deit), of(times.timm)];
  results.push({ trained, ours, theirs, times });
  console.log(
    `${trained}: first epoch ${ours.first.toFixed(1)} against ${theirs.first.toFixed(1)} s (${(theirs.first / ours.first).toFixed(2)} ×), ` +
      `later ${ours.later.toFixed(2)} against ${theirs.later.toFixed(2)} s (${(theirs.later / ours.later).toFixed(1)} ×)`,
  );
}
writeReport(options.json, { ...machine(), ...options, results });
