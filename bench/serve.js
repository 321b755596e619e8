// Our server beside one of FastAPI and timm, under the same requests in turns, and what the model alone computes.
//   npm run bench:serve -- --weights deit_tiny.safetensors --images photos/ [--connections 1,8,64] [--seconds 20]
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import autocannon from "autocannon";
import { here, listOf, measured, median, optionsOf, peer, writeReport } from "./harness.js";

const options = optionsOf({
  ...{ model: "deit_tiny_patch16_224", weights: undefined, images: undefined, connections: "1,8,64" },
  ...{ seconds: 20, rounds: 3, batch: 8, json: undefined },
});
if (!options.weights || !options.images) throw new Error("Give --weights FILE and --images FOLDER.");

const photos = readdirSync(options.images).slice(0, 64);
const requests = photos.map((name) => ({ method: "POST", body: readFileSync(join(options.images, name)) }));
const deit = here("../bin/deit.js");

/** A server as a process, by its port, once it answers. */
async function started(name, port, [command, args]) {
  const child = spawn(command, args.map(String), { stdio: ["ignore", "ignore", "inherit"] });
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}.`);
    if (await fetch(`${url}/health`).catch(() => undefined)) return { name, url, child, rounds: [] };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** MiB that a process has at the moment. */
const memory = ({ pid }) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

async function load({ url, child }, connections) {
  const found = await autocannon({ url: `${url}/classify`, connections, duration: options.seconds, requests });
  if (found.non2xx > 0 || found.errors > 0) throw new Error(`${url}: ${found.non2xx} refused, ${found.errors} errors`);
  const { p50, p99 } = found.latency;
  return { connections, p50, p99, imagesPerSecond: found.requests.total / found.duration, memory: memory(child) };
}

const throughput = () =>
  measured(process.execPath, [deit, "throughput", options.model, "--batch-size", options.batch, "--json"])[0]
    .imagesPerSecond;

const serving = ["serve", `${options.model}:${options.weights}`, "--max-batch", options.batch, "--engine", "onnx"];
const peerArgs = ["--model", options.model, "--weights", options.weights];
const servers = [
  await started("deit serve", 8301, [process.execPath, [deit, ...serving, "--port", 8301]]),
  await started("FastAPI, batches", 8302, peer("serve", ...peerArgs, "--batch", options.batch, "--port", 8302)),
  await started("FastAPI, single images", 8303, peer("serve", ...peerArgs, "--batch", 1, "--delay", 0, "--port", 8303)),
];
const alone = [];
try {
  for (let round = 0; round < options.rounds; round++) {
    alone.push(throughput());
    for (const connections of listOf(options.connections).map(Number))
      for (const server of servers) server.rounds.push(await load(server, connections));
  }
} finally {
  for (const { child } of servers) child.kill("SIGTERM");
}

const rows = servers.flatMap(({ name, rounds }) =>
  listOf(options.connections).map((connections) => {
    const those = rounds.filter((one) => one.connections === Number(connections));
    const of = (key) => median(those.map((one) => one[key]));
    return {
      server: name,
      connections,
      p50: of("p50"),
      p99: of("p99"),
      images: of("imagesPerSecond"),
      memory: of("memory"),
    };
  }),
);
console.log(`The model alone (deit throughput, batch ${options.batch}): ${median(alone).toFixed(1)} images/s\n`);
console.log("| server | connections | p50 (ms) | p99 (ms) | images/s | memory (MiB) |\n|---|---|---|---|---|---|");
for (const { server, connections, p50, p99, images, memory } of rows)
  console.log(`| ${server} | ${connections} | ${p50} | ${p99} | ${images.toFixed(1)} | ${memory.toFixed(0)} |`);
writeReport(options.json, { alone: median(alone), rows });
