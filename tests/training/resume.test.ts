/** A run that was cut off anywhere continues to the very weights of one that was not. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { open, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { train } from "../../src/training/run/trainer.js";
import { expectSameState, trainSteps, useRuns } from "./setup.js";

const { options, folder } = useRuns();
const settings = { emaDecay: 0.9, accumulate: 2, batchSize: 32 };

describe("resume", () => {
  it("continues within an epoch, after any step and between accumulated runs", async () => {
    await train(options("whole", settings));
    for (const steps of [1, 2, 4]) {
      const name = `after${steps}`;
      expect(await trainSteps(options(name, settings), steps)).toBe(true);
      const { position } = JSON.parse(await readFile(join(folder(name), "state.json"), "utf8"));
      expect(position.runs).toBeGreaterThan(0);
      const rest = await train(options(name, settings, { resume: true }));
      expect(rest.interrupted).toBe(false);
      await expectSameState(folder("whole"), folder(name));
    }
  });

  it("continues exactly across the epoch in which mixing ends", async () => {
    const ending = { ...settings, epochs: 3, unmixedEpochs: 1, mixup: 0.8 };
    await train(options("mixed whole", ending));
    await trainSteps(options("mixed cut", ending), 5);
    await train(options("mixed cut", ending, { resume: true }));
    await expectSameState(folder("mixed whole"), folder("mixed cut"));
  });

  it("reports the epoch as if it had not been interrupted", async () => {
    const rest = await train(options("again", settings));
    await trainSteps(options("cut", settings), 2);
    const resumed = await train(options("cut", settings, { resume: true }));
    expect(resumed.epochs[0].trainLoss).toBeCloseTo(rest.epochs[0].trainLoss, 6);
    expect(resumed.epochs[0].trainTop1).toBeCloseTo(rest.epochs[0].trainTop1, 6);
  });

  it("uses the state before a broken newest one, with a note", async () => {
    const damage: Record<string, (path: string) => Promise<void>> = {
      truncated: async (path) => truncate(path, (await stat(path)).size - 100),
      flipped: async (path) => flipBit(path, (await stat(path)).size - 5000),
      header: (path) => flipBit(path, 40),
      empty: (path) => writeFile(path, ""),
    };
    for (const [name, harm] of Object.entries(damage)) {
      await train(options(name, { ...settings, epochs: 2 }));
      await harm(join(folder(name), "state.safetensors"));
      const warnings: string[] = [];
      const rest = await train(
        options(
          name,
          { ...settings, epochs: 2 },
          {
            resume: true,
            onEvent: (e) => e.kind === "warning" && warnings.push(e.message),
          },
        ),
      );
      expect(warnings.join(), name).toMatch(/state\.safetensors".*The state before it is used/s);
      expect(rest.epochs.map((e) => e.epoch)).toEqual([2]);
      await expectSameState(folder("whole"), folder(name));
    }
  });

  it("reports that no saved state is intact", async () => {
    await train(options("lost", { ...settings, epochs: 2 }));
    for (const file of ["state.safetensors", "state.1.safetensors"]) await truncate(join(folder("lost"), file), 50);
    await expect(train(options("lost", { ...settings, epochs: 2 }, { resume: true }))).rejects.toThrow(
      /No saved state of the run in .* is intact.*`finetune: "last\.safetensors/s,
    );
    const weights = await readFile(join(folder("lost"), "last.safetensors"));
    for (const file of ["state.safetensors", "state.1.safetensors"]) await rm(join(folder("lost"), file));
    await expect(train(options("lost", { ...settings, epochs: 2 }, { resume: true }))).rejects.toThrow(
      /its saved states are gone, so it cannot continue/,
    );
    expect(weights.equals(await readFile(join(folder("lost"), "last.safetensors")))).toBe(true);
  });

  it("refuses a changed recipe setting by setting, unless allowed", async () => {
    await trainSteps(options("changed", settings), 1);
    const other = { ...settings, lr: 0.02, dropPath: 0.2 };
    await expect(train(options("changed", other, { resume: true }))).rejects.toThrow(
      /dropPath was [\d.]+ and is 0\.2; lr was 0\.01 and is 0\.02|lr was 0\.01 and is 0\.02; dropPath was [\d.]+ and is 0\.2/,
    );
    const rest = await train(options("changed", other, { resume: true, allowChanges: ["lr", "dropPath"] }));
    expect(rest.interrupted).toBe(false);
  });
});

describe("the lock of a run folder", () => {
  it("keeps a second process out, and is gone afterwards", async () => {
    const first = train(options("locked", settings));
    await new Promise((resolve) => setTimeout(resolve, 150));
    await expect(train(options("locked", settings, { resume: true }))).rejects.toThrow(/is writing in the run folder/);
    await first;
    expect(existsSync(join(folder("locked"), "lock"))).toBe(false);
  });
  it("is taken over from a process that has ended", async () => {
    await trainSteps(options("stale", settings), 1);
    const gone = spawn(process.execPath, ["-e", ""]);
    await new Promise((resolve) => gone.on("exit", resolve));
    await writeFile(join(folder("stale"), "lock"), JSON.stringify({ pid: gone.pid, host: hostname() }));
    expect((await train(options("stale", settings, { resume: true }))).interrupted).toBe(false);
  });
  it("of another machine is respected", async () => {
    await trainSteps(options("remote", settings), 1);
    await writeFile(join(folder("remote"), "lock"), JSON.stringify({ pid: 1, host: "elsewhere" }));
    await expect(train(options("remote", settings, { resume: true }))).rejects.toThrow(/Process 1 on elsewhere/);
    await rm(join(folder("remote"), "lock"));
  });
});

describe("a loss that is not a number", () => {
  it("is explained by the tensor that broke first", async () => {
    const wild = { lr: 1e30, optimizer: "sgd", dropout: 0 } as const;
    await expect(train(options("nan", wild))).rejects.toThrow(/first: the (parameter|logits|gradient of)/);
    const log = (await readFile(join(folder("nan"), "log.jsonl"), "utf8")).trim().split("\n");
    expect(JSON.parse(log.at(-1)!)).toMatchObject({ kind: "stopped" });
    expect(JSON.parse(log.at(-2)!)).toMatchObject({ kind: "broken", first: expect.any(String), onNaN: "stop" });
  });
  it("can be skipped, though not forever", async () => {
    const warnings: string[] = [];
    const wild = { lr: 1e30, optimizer: "sgd", dropout: 0, epochs: 4 } as const;
    const run = train(
      options("skipping", wild, { onNaN: "skip", onEvent: (e) => e.kind === "warning" && warnings.push(e.message) }),
    );
    // Six steps an epoch, of which the first one breaks the weights; what they answer to the test images shows it.
    await expect(run).rejects.toThrow(/The answer of "deit" to "procedural test image/);
    expect(warnings).toHaveLength(5);
  });
});

async function flipBit(path: string, at: number): Promise<void> {
  const file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  byte[0] ^= 1;
  await file.write(byte, 0, 1, at);
  await file.close();
}
