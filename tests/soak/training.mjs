/** A training run of seconds in a process of its own, disturbed at chosen moments. */
import { spawn } from "node:child_process";
import { watch } from "node:fs";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const deit = fileURLToPath(new URL("../../bin/deit.js", import.meta.url));

function command(output, { engine = "onnx", epochs = 4 }) {
  return [
    ...["train", "procedural:16:96", "--validation", "procedural:16:16", "--output", output, "--engine", engine],
    ...[
      "--workers",
      "1",
      "--epochs",
      `${epochs}`,
      "--batch-size",
      "8",
      "--accumulate",
      "2",
      "--checkpoint-minutes",
      "0",
    ],
    ...["--json", "--resume", "--set", "model=deit", "imageSize=16", "patchSize=4", "width=16", "depth=2", "heads=2"],
    ...["warmupEpochs=1", "emaDecay=0.9", "dropout=0.1", "lr=0.01", "scaleLr=false"],
  ];
}

/**
 * Begins or continues with the run in the folder `output`. `disturb(output, child)` may do something to it and answers
 * with what ends the disturbance. Answers with the exit code (null when a signal ended it) and standard error.
 */
export async function trainApart(output, options = {}, disturb) {
  await mkdir(output, { recursive: true });
  const child = spawn(process.execPath, [deit, ...command(output, options)], { stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr.on("data", (d) => {
    errors += d;
  });
  const end = disturb?.(output, child);
  const code = await new Promise((resolve) => child.once("close", resolve));
  end?.();
  return { code, errors };
}

/** A disturbance: `act(child)` once `passes` files that match have appeared in the folder. */
export const whenFileAppears = (pattern, passes, act) => (folder, child) => {
  let left = passes;
  const watcher = watch(folder, (_, name) => {
    if (name && pattern.test(name) && left-- === 0) act(child);
  });
  return () => watcher.close();
};
