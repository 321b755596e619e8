/**
 * Kills training with SIGKILL, again and again, and continues each time: the weights at the end must be those of a run that
 * nobody disturbed, bit for bit. A third of the kills come at any moment, a third while a checkpoint is being written,
 * and a third as soon as files are renamed, which shows from outside by the files that appear.
 *
 *   npm run build && npm run soak:kill -- [RUNS] [SEED] [ENGINE]
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generator } from "../fuzz/mutate.mjs";
import { trainApart, whenFileAppears } from "./training.mjs";

/** Moments to kill at: after a while, or when a file with such a name appears. */
const moments = {
  step: undefined,
  checkpoint: /^\.(state|best|last).*\.tmp$/,
  rename: /^state\.(next|1)\.safetensors$|^(state|best|last)\.safetensors$/,
};

/** A killer for one moment, drawn by `next`. */
function killer(moment, next, milliseconds) {
  const pattern = moments[moment];
  if (pattern) return whenFileAppears(pattern, next(25), (child) => child.kill("SIGKILL"));
  return (_, child) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), next(milliseconds));
    return () => clearTimeout(timer);
  };
}

/** Runs to the end, or until it is killed; answers whether it came to the end. */
async function run(folder, options, kill) {
  const { code, errors } = await trainApart(folder, options, kill);
  if (code !== 0 && code !== null) throw new Error(`Training ended with ${code}: ${errors}`);
  return code === 0;
}

/**
 * `runs` runs that are each killed once to three times and resumed. Answers, for each, with the moments and what the
 * folder looked like after the kills; throws when one ends with other bits.
 */
export async function killRuns({ runs, seed = 0, engine = "onnx", epochs = 4, mostKills = 3, onRun }) {
  const options = { engine, epochs };
  const scratch = await mkdtemp(join(tmpdir(), "deit-kill-"));
  const next = generator(seed);
  const whole = join(scratch, "whole");
  const start = performance.now();
  await run(whole, options);
  const duration = performance.now() - start;
  const files = ["state.safetensors", "best.safetensors", "last.safetensors"];
  const expected = await Promise.all(files.map((f) => readFile(join(whole, f))));
  const results = [];
  for (let i = 0; i < runs; i++) {
    const folder = join(scratch, `run${i}`);
    const kills = [];
    for (let n = 1 + next(mostKills); n > 0; n--) {
      const moment = Object.keys(moments)[(i + n) % 3];
      if (await run(folder, options, killer(moment, next, duration))) break;
      const left = await readdir(folder);
      kills.push({
        moment,
        halfWritten: left.some((f) => f.endsWith(".tmp")),
        betweenRenames:
          left.includes("state.next.safetensors") ||
          (left.includes("state.1.safetensors") && !left.includes("state.safetensors")),
      });
    }
    if (!(await run(folder, options))) throw new Error("A run that nobody killed was killed.");
    for (const [k, file] of files.entries()) {
      if (!expected[k].equals(await readFile(join(folder, file))))
        throw new Error(
          `Run ${i} of seed ${seed}, killed ${JSON.stringify(kills)}, ended with another ${file}; see "${folder}".`,
        );
    }
    await rm(folder, { recursive: true });
    results.push(kills);
    onRun?.(i + 1, kills);
  }
  await rm(scratch, { recursive: true });
  return results;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [runs = "30", seed = "0", engine = "onnx"] = process.argv.slice(2);
  const results = await killRuns({
    ...{ runs: Number(runs), seed: Number(seed), engine },
    onRun: (done, kills) =>
      console.error(`${done} of ${runs}: ${kills.map((k) => k.moment).join(", ") || "ended first"}`),
  });
  const kills = results.flat();
  const count = (key) => kills.filter((k) => k[key]).length;
  console.log(
    JSON.stringify({
      ...{ runs: results.length, identical: results.length, kills: kills.length },
      ...{ halfWritten: count("halfWritten"), betweenRenames: count("betweenRenames") },
    }),
  );
}
