// Our server beside one of FastAPI and timm, under the same requests in turns, and what the model alone computes.
//   npm run bench:serve -- --weights deit_tiny.safetensors --images photos/ [--connections 1,8,64] [--seconds 20]
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
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

const children = [];

/** A server as a process, by its port, once it answers. */
async function started(name, port, [command, args]) {
  const child = spawn(command, args.map(String), { stdio: ["ignore", "ignore", "inherit"] });
  children.push(child);
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}.`);
    if (await fetch(`${url}/health`).catch(() => undefined)) return { name, url, child, rounds: [] };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** MiB that a process has at the moment. */
const memory = ({ pid }) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

/**
 * Counts the answers of a window in the middle: each connection has had one before it, and none is cut off by its end.
 * Latencies are those of the same answers.
 */
async function load({ url, child }, connections) {
  const answers = [];
  const start = performance.now();
  const test = autocannon({ url: `${url}/classify`, connections, duration: 3600, timeout: 60, requests });
  let refused = 0;
  const failed = new Promise((_, reject) => test.on("reqError", reject));
  const windowed = new Promise((resolve) => {
    let from;
    test.on("response", (_client, status, _bytes, milliseconds) => {
      const now = performance.now();
      if (status !== 200) refused++;
      answers.push({ now, milliseconds });
      if (from === undefined && answers.length > 2 * connections) from = now;
      if (from !== undefined && now > from + options.seconds * 1000) resolve({ from, to: now });
    });
  });
  const { from, to } = await Promise.race([windowed, failed]);
  const held = memory(child);
  test.stop();
  await test.catch(() => undefined);
  if (refused > 0) throw new Error(`${url}: ${refused} refused`);
  const counted = answers.filter(({ now }) => now > from && now <= to);
  const sorted = counted.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  const quantile = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
  await settled(child);
  return {
    ...{ connections, p50: quantile(0.5), p99: quantile(0.99), imagesPerSecond: (counted.length / (to - from)) * 1000 },
    ...{ memory: held, warmUp: (from - start) / 1000, answers: counted.length },
  };
}

/** Processor time of a process and of its ended children in hundredths of a second. */
const ticks = ({ pid }) =>
  readFileSync(`/proc/${pid}/stat`, "utf8")
    .split(") ")[1]
    .split(" ")
    .slice(11, 15)
    .reduce((sum, each) => sum + Number(each), 0);

/** Processor time of the whole machine, and that of our own processes. */
function usage() {
  const [user, nice, system] = readFileSync("/proc/stat", "utf8").split("\n")[0].split(/ +/).slice(1).map(Number);
  return { all: user + nice + system, own: [process, ...children].reduce((sum, each) => sum + ticks(each), 0) };
}

/** Share of the processors that other programs may use during a measurement before it is repeated. */
const tolerated = 0.05;

/** Measures, again if other programs used the processors meanwhile, and says so if they always did. */
async function undisturbed(name, measure) {
  for (let attempt = 1; ; attempt++) {
    const [before, start] = [usage(), performance.now()];
    const found = await measure();
    const after = usage();
    const others = after.all - before.all - (after.own - before.own);
    const share = others / 100 / ((performance.now() - start) / 1000) / availableParallelism();
    if (share <= tolerated) return found;
    console.error(`${name}: other programs used ${(100 * share).toFixed(0)} % of the processors.`);
    if (attempt === 3) return found;
  }
}

/** A server still works on the requests of clients that have left; the next one is not to suffer from it. */
async function settled(child) {
  for (let before = ticks(child), used = 100; used > 2; before += used) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    used = ticks(child) - before;
  }
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
    alone.push(await undisturbed("deit throughput", async () => throughput()));
    for (const connections of listOf(options.connections).map(Number))
      for (const server of servers)
        server.rounds.push(await undisturbed(`${server.name}, ${connections}`, () => load(server, connections)));
  }
} finally {
  for (const child of children) child.kill("SIGTERM");
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
  console.log(
    `| ${server} | ${connections} | ${p50.toFixed(0)} | ${p99.toFixed(0)} | ${images.toFixed(1)} | ${memory.toFixed(0)} |`,
  );
writeReport(options.json, { alone: median(alone), rows });
