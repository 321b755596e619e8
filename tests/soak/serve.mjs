/**
 * 10,000 requests, of which one in twenty is hostile: bombs, cut and huge images, broken forms, clients that stop
 * halfway or leave. The server must answer all others, refuse these with the right status, and its memory stay flat.
 *
 *   npm run build && npm run soak:serve -- [REQUESTS]
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";

const [requests = "10000"] = process.argv.slice(2);
const total = Number(requests);
const together = 32;
const folder = await mkdtemp(join(tmpdir(), "deit-soak-"));
const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const deit = at("../../bin/deit.js");

const run = join(folder, "run");
const trained = spawnSync(process.execPath, [
  ...[deit, "train", "procedural:32:64", "--output", run, "--epochs", "1", "--batch-size", "16", "--workers", "1"],
  ...["--set", "model=deit", "imageSize=32", "patchSize=8", "width=32", "depth=2", "heads=2", "warmupEpochs=0"],
]);
if (trained.status !== 0) throw new Error(String(trained.stderr));

const child = spawn(process.execPath, [deit, "serve", run, "--port", "0", "--json"], {
  stdio: ["ignore", "pipe", "inherit"],
});
const [line] = await once(child.stdout, "data");
const { url } = JSON.parse(String(line));
const { hostname, port } = new URL(url);

const images = ["plain.jpg", "plain.png", "plain.webp", "grey.png"].map((name) =>
  readFileSync(at(`../fixtures/images/${name}`)),
);
const photo = await sharp({ create: { width: 1600, height: 1200, channels: 3, background: "#a64" } })
  .composite([{ input: images[0], tile: true }])
  .jpeg()
  .toBuffer();
const bomb = await sharp({ create: { width: 12_000, height: 12_000, channels: 3, background: "#000" } })
  .png()
  .toBuffer();

const json = { "Content-Type": "application/json" };
async function post(body, headers = {}) {
  const answer = await fetch(`${url}/classify`, { method: "POST", body, headers });
  await answer.arrayBuffer();
  return answer.status;
}

/** A client that sends half of a request and leaves. */
async function leave() {
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.write(`POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${photo.length}\r\n\r\n`);
  socket.write(photo.subarray(0, photo.length / 2));
  await new Promise((resolve) => setTimeout(resolve, 200));
  socket.destroy();
  return "left";
}

/** One that sends nothing more, until the server gives it up. */
async function stop() {
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.write("POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc");
  let answer = "";
  socket.on("data", (data) => {
    answer += data;
  });
  await once(socket, "close");
  return Number(answer.split(" ")[1]);
}

/** A client that does not wait for its answer. */
async function abort() {
  const gone = new AbortController();
  const answer = fetch(`${url}/classify`, { method: "POST", body: photo, signal: gone.signal }).catch(() => "left");
  await new Promise((resolve) => setTimeout(resolve, 5));
  gone.abort();
  await answer;
  return "left";
}

const hostile = [
  [() => post(bomb), [422]],
  [() => post(photo.subarray(0, photo.length / 3)), [422]],
  // A client that still sends may see the connection end before the answer.
  [() => post(new Uint8Array(30 * 2 ** 20)).catch(() => 413), [413]],
  [() => post("not an image"), [422]],
  [() => post(`{"image":"${"A".repeat(1000)}!"}`, json), [400]],
  [() => post(`${"[".repeat(100_000)}`, json), [400]],
  [() => post("--x\r\n", { "Content-Type": "multipart/form-data; boundary=x" }), [400]],
  [leave, ["left"]],
  [abort, ["left"]],
  [stop, [408]],
];

const resident = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) / 1024;
const files = () => readdirSync(`/proc/${child.pid}/fd`).length;

const wrong = [];
const counts = {};
const memory = [];
let next = 0;
const start = performance.now();
async function client() {
  while (next < total) {
    const i = next++;
    if (i % Math.ceil(total / 20) === 0)
      memory.push({ request: i, residentMiB: Math.round(resident()), files: files() });
    const [send, expected] =
      i % 20 === 19 ? hostile[((i - 19) / 20) % hostile.length] : [() => post(i % 2 ? images[i % 4] : photo), [200]];
    const status = await send().catch((error) => error.message);
    counts[status] = (counts[status] ?? 0) + 1;
    if (!expected.includes(status)) wrong.push({ request: i, status, expected });
  }
}
await Promise.all(Array.from({ length: together }, client));
const seconds = (performance.now() - start) / 1000;
memory.push({ request: total, residentMiB: Math.round(resident()), files: files() });
const alive = (await fetch(`${url}/health`)).status === 200;
child.kill("SIGTERM");
const [code] = await once(child, "exit");
await rm(folder, { recursive: true });

for (const { request, residentMiB, files } of memory)
  console.log(`request ${String(request).padStart(6)}  ${residentMiB} MiB  ${files} files`);
console.log(`${(total / seconds).toFixed(0)} requests/s; statuses ${JSON.stringify(counts)}`);
// The first fifth fills caches; after it, memory may rise and fall but not grow.
const settled = memory.filter(({ request }) => request >= total / 5).map(({ residentMiB }) => residentMiB);
const half = settled.length >> 1;
const growth = Math.max(...settled.slice(half)) - Math.max(...settled.slice(0, half));
console.log(`Peak of the second half less that of the first: ${growth} MiB`);
const failures = [
  ...(wrong.length > 0 ? [`${wrong.length} wrong answers, first ${JSON.stringify(wrong[0])}`] : []),
  ...(alive ? [] : ["the server is gone"]),
  ...(code === 0 ? [] : [`it ended with ${code}`]),
  ...(growth > 64 ? [`its memory grew by ${growth} MiB`] : []),
];
if (failures.length > 0) throw new Error(failures.join("; "));
