// Forward pass and training step against timm, side by side in one run:
//   npm run bench:step -- [--models deit_tiny_patch16_224] [--batches 4,8,16] [--engines onnx,xla] [--rounds 2]
//                         [--iterations 8] [--bfloat16] [--no-compile] [--json results.json]
// Each measurement has a process of its own (peak memory means something), peers take turns (the machine drifts), and
// each side may choose its best batch and its best allocator settings.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { launchEnvironment } from "../dist/engines/xla/launcher.js";

const { values: options } = parseArgs({
  options: {
    models: { type: "string", default: "deit_tiny_patch16_224" },
    batches: { type: "string", default: "8,16" },
    engines: { type: "string", default: "onnx,xla" },
    rounds: { type: "string", default: "2" },
    iterations: { type: "string", default: "8" },
    bfloat16: { type: "boolean", default: false },
    "no-compile": { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const here = (name) => new URL(name, import.meta.url).pathname;
const python = process.env.DEIT_PEER_PYTHON ?? output("bash", [here("setup-peer.sh")]).trim();

function output(command, args, env = process.env) {
  const ran = spawnSync(command, args, { encoding: "utf8", env, maxBuffer: 1 << 26 });
  if (ran.status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${ran.stderr}`);
  return ran.stdout;
}

const allocator = launchEnvironment();
const contenders = [
  ...["eager", ...(options["no-compile"] ? [] : ["compile"]), ...(options.bfloat16 ? ["bf16"] : [])].map((mode) => ({
    name: `timm ${mode}`,
    run: (model, batch, work) => {
      const args = [here("peer_step.py"), model, batch, work, mode, options.iterations];
      const runs = [process.env, allocator].map((env) =>
        JSON.parse(output(python, args, env).trim().split("\n").at(-1)),
      );
      return runs[0].imagesPerSecond >= runs[1].imagesPerSecond ? runs[0] : runs[1];
    },
  })),
  ...options.engines.split(",").flatMap((engine) =>
    ["float32", ...(options.bfloat16 && engine === "xla" ? ["bfloat16"] : [])].map((precision) => ({
      name: `deit ${engine}${precision === "float32" ? "" : " bf16"}`,
      run: (model, batch, work) => {
        const args = [here("our-step.js"), model, batch, work, engine, precision, options.iterations];
        return JSON.parse(output(process.execPath, args, allocator).trim().split("\n").at(-1));
      },
    })),
  ),
];

const results = [];
for (const model of options.models.split(",")) {
  for (const work of ["forward", "step"]) {
    const best = new Map();
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const batch of options.batches.split(",")) {
        for (const { name, run } of contenders) {
          const result = { ...run(model, batch, work), batch: Number(batch) };
          process.stderr.write(
            `${model} ${work} batch ${batch} ${name}: ${result.imagesPerSecond.toFixed(1)} images/s\n`,
          );
          if (!best.has(name) || result.imagesPerSecond > best.get(name).imagesPerSecond) best.set(name, result);
        }
      }
    }
    const baseline = best.get("timm eager").imagesPerSecond;
    const compiled = best.get("timm compile")?.imagesPerSecond;
    console.log(`\n${model}, ${work} (best batch and best of ${options.rounds} rounds each)`);
    for (const [name, r] of best) {
      const ratio = `${(r.imagesPerSecond / baseline).toFixed(2)} × eager${compiled ? `, ${(r.imagesPerSecond / compiled).toFixed(2)} × compile` : ""}`;
      console.log(
        `  ${name.padEnd(14)}${r.imagesPerSecond.toFixed(1).padStart(7)} images/s  batch ${String(r.batch).padStart(3)}  peak ${r.peakMiB.toFixed(0).padStart(5)} MiB  ${ratio}`,
      );
      results.push({ model, work, name, ...r });
    }
  }
}
const report = {
  date: new Date().toISOString().slice(0, 10),
  processor: cpus()[0].model.trim(),
  threads: cpus().length,
  results,
};
if (options.json) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
