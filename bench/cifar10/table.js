// The accuracies of a study in a folder of runs named METHOD-SEED: node bench/cifar10/table.js RUNS
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [runs] = process.argv.slice(2);
const json = (path) => JSON.parse(readFileSync(path, "utf8"));

/** The lines of a run's log that are whole. */
function logOf(run) {
  const path = join(runs, run, "log.jsonl");
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.flatMap((line) => {
    try {
      return line ? [JSON.parse(line)] : [];
    } catch {
      return []; // the last line of a killed process
    }
  });
}

/** How far a run is, and the accuracy of its last epoch. */
function stateOf(run) {
  const epochs = logOf(run).filter(({ kind }) => kind === "epoch");
  const last = epochs.at(-1);
  const recipe = join(runs, run, "recipe.json");
  const planned = existsSync(recipe) ? json(recipe).epochs : undefined;
  return { run, epoch: last?.epoch ?? 0, planned, top1: last?.test?.top1 };
}

const folders = existsSync(runs) ? readdirSync(runs).filter((name) => existsSync(join(runs, name, "log.jsonl"))) : [];
const methods = new Map();
for (const folder of folders) {
  const method = folder.replace(/-\d+$/, "");
  methods.set(method, [...(methods.get(method) ?? []), stateOf(folder)]);
}

const spread = (values) => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  if (values.length < 2) return mean.toFixed(2);
  const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1));
  return `${mean.toFixed(2)} ± ${deviation.toFixed(2)}`;
};
const row = (name, values, note) => console.log(`${name.padEnd(34)}${values.length ? spread(values) : "–"}${note}`);

console.log(`${"method".padEnd(34)}test top-1 in percent, mean and standard deviation over seeds`);
for (const [method, states] of [...methods].sort()) {
  const done = states.filter(({ epoch, planned, top1 }) => epoch === planned && top1 !== undefined);
  const open = states.filter((state) => !done.includes(state));
  const notes = open.map(({ run, epoch, planned }) => `${run} at ${epoch} of ${planned ?? "?"} epochs`);
  row(
    method,
    done.map(({ top1 }) => top1),
    notes.length ? `  (${notes.join(", ")})` : `  (${done.length} ${done.length === 1 ? "run" : "runs"})`,
  );
  for (const head of ["class", "distillation", "both"]) {
    const of = done.map(({ run }) => join(runs, run, `${head}.json`)).filter((path) => existsSync(path));
    const values = of.flatMap((path) => (readFileSync(path, "utf8").trim() ? [json(path).top1] : []));
    if (values.length) row(`  ${head === "both" ? "both heads" : `${head} head`}`, values, "");
  }
}
