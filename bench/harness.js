// What the benchmarks share: their options, the two sides as processes of their own, medians, machines and reports.
//   bench/ours/NAME.js and bench/peer/NAME.py do the same work; each prints one line of JSON at its end.
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/**
 * The command line's options by their defaults: numbers stay numbers, `false` makes a switch, a string may be anything, and
 * `undefined` stands for a string that may be left out.
 */
export function optionsOf(defaults) {
  const config = Object.fromEntries(
    Object.keys(defaults).map((name) => [name, { type: defaults[name] === false ? "boolean" : "string" }]),
  );
  const { values } = parseArgs({ options: config });
  const read = ([name, fallback]) => {
    const given = values[name];
    if (given === undefined) return [name, fallback];
    if (typeof fallback !== "number") return [name, given];
    if (!Number.isFinite(Number(given))) throw new Error(`--${name} ${given} is not a number.`);
    return [name, Number(given)];
  };
  return Object.fromEntries(Object.entries(defaults).map(read));
}

/** Path of a file of this folder. */
export const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Items of a list as options give it. */
export const listOf = (text) => text.split(",").filter(Boolean);

/** What a command prints; its failure is an error. */
export function output(command, args, env = process.env, timeout = undefined) {
  const ran = spawnSync(command, args.map(String), { encoding: "utf8", env, timeout, maxBuffer: 1 << 26 });
  if (ran.error) throw ran.error;
  if (ran.status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${ran.stderr}`);
  return ran.stdout;
}

const lastLine = (text) => JSON.parse(text.trim().split("\n").at(-1) ?? "");

/** The JSON value that a command prints last. */
export const measured = (command, args, env = process.env, timeout = undefined) =>
  lastLine(output(command, args, env, timeout));

/** The same without blocking, for commands that run at once. */
export function measuredAside(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args.map(String), { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
    });
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(lastLine(text)) : reject(new Error(`${command} ended with ${code}`)),
    );
  });
}

/** A program of ours, or one of the peer in its Python environment, as a command. */
export const ours = (name, ...args) => [process.execPath, [here(`ours/${name}.js`), ...args]];
export const peer = (name, ...args) => [peerPython(), [here(`peer/${name}.py`), ...args]];

let python = process.env.DEIT_PEER_PYTHON;
function peerPython() {
  python ??= output("bash", [here("peer/setup.sh")]).trim();
  return python;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Times the works in turns, so that what else the machine does meets all of them; milliseconds of each by its name. */
export async function inTurns(works, rounds, warmUp = 2) {
  const times = Object.fromEntries(Object.keys(works).map((name) => [name, []]));
  for (let round = -warmUp; round < rounds; round++)
    for (const [name, run] of Object.entries(works)) {
      const start = performance.now();
      await run();
      if (round >= 0) times[name].push(performance.now() - start);
    }
  return times;
}

/** What figures depend on. */
export const machine = () => ({
  date: new Date().toISOString().slice(0, 10),
  processor: cpus()[0]?.model.trim() ?? "unknown",
  threads: cpus().length,
});

/** Writes figures with their date and machine, where a file is named. */
export function writeReport(path, report) {
  if (path) writeFileSync(path, `${JSON.stringify({ ...machine(), ...report }, null, 2)}\n`);
}

/** Bytes that look random to a model and are the same every time. */
export const pixels = (count) => Uint8Array.from({ length: count }, (_, i) => (i * 2654435761) >>> 24);
