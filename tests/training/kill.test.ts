/** Training that is killed outright, or whose disk fails, continues to the bits of a run that nobody disturbed. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { messageOf } from "../../src/errors/message-of.js";
import { skipNotice } from "../setup/skip-notice.js";
import { killRuns } from "../soak/kill.mjs";
import { trainApart, whenFileAppears } from "../soak/training.mjs";

it("survives SIGKILL within a step, a checkpoint and a rename", async () => {
  // The long form: npm run soak:kill.
  const runs = await killRuns({ runs: 6, seed: 3, epochs: 2, mostKills: 1 });
  expect(runs).toHaveLength(6);
  const kills = runs.flat();
  expect(new Set(kills.map((k) => k.moment)).size).toBe(3);
}, 300_000);

const shell = promisify(execFile);

/** Why no file system can be mounted here; undefined where one can. */
async function cannotMount(): Promise<string | undefined> {
  const place = await mkdtemp(join(tmpdir(), "deit-mount-"));
  try {
    await shell("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", place]);
    await shell("umount", [place]);
    return undefined;
  } catch (error) {
    return messageOf(error).trim();
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}
const refused = await cannotMount();
const skipped = refused !== undefined && !process.env.CI;
if (skipped) skipNotice(`No file system can be mounted. ${refused}`, "let a disk fail");

describe.skipIf(skipped)("a disk that fails within a run", () => {
  const options = { epochs: 2 };
  const state = "state.safetensors";
  let scratch: string;
  let expected: Buffer;
  const mounted: string[] = [];
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "deit-disk-"));
    expect((await trainApart(join(scratch, "whole"), options)).code).toBe(0);
    expected = await readFile(join(scratch, "whole", state));
  });
  afterAll(async () => {
    for (const path of mounted) await shell("umount", [path]);
    await rm(scratch, { recursive: true });
  });

  const tmpfs = async (name: string, settings: string): Promise<string> => {
    const path = join(scratch, name);
    await mkdir(path);
    await shell("mount", ["-t", "tmpfs", "-o", settings, "tmpfs", path]);
    mounted.push(path);
    return path;
  };
  /** Runs into a fault that comes with the third state, expects its sentence, fixes it and continues. */
  const survives = async (disk: string, fault: () => unknown, fix: () => Promise<unknown>, sentence: RegExp) => {
    const output = join(disk, "run");
    const failed = await trainApart(output, options, whenFileAppears(/^state\.safetensors$/, 2, fault));
    expect(failed.errors).toMatch(sentence);
    expect(failed.code).toBe(4);
    await fix();
    const rest = await trainApart(output, options);
    expect(rest.errors).not.toContain("damaged");
    expect(rest.code, rest.errors).toBe(0);
    expect((await readFile(join(output, state))).equals(expected)).toBe(true);
  };

  it("that is full: before a write", async () => {
    const disk = await tmpfs("full", "size=4m");
    const filler = join(disk, "filler");
    const fill = () => writeFile(filler, Buffer.alloc(8 << 20)).catch(() => undefined); // as much as there is room for
    await survives(
      disk,
      fill,
      () => rm(filler),
      /There is not enough space in .*run" for .* are needed and|the disk is full/,
    );
  });
  it("that is full: in the middle of a write, despite its reported free space", async () => {
    const disk = await tmpfs("inodes", "size=4m,nr_inodes=40");
    const fillers = Array.from({ length: 40 }, (_, i) => join(disk, `filler${i}`));
    const fill = () => Promise.allSettled(fillers.map((f) => writeFile(f, "")));
    const fix = () => Promise.all(fillers.map((f) => rm(f, { force: true })));
    await survives(disk, fill, fix, /Cannot write ".*": the disk is full; free some space/);
  });
  it("that becomes read-only", async () => {
    const disk = await tmpfs("read-only", "size=4m");
    const remount = (how: string) => shell("mount", ["-o", `remount,${how}`, disk]);
    // Refused while a file is open for writing, so it is tried until it falls between two writes.
    const fault = async () => {
      for (let tries = 0; tries < 100; tries++) {
        const [result] = await Promise.allSettled([remount("ro")]);
        if (result.status === "fulfilled") return;
      }
    };
    await survives(disk, fault, () => remount("rw"), /Cannot (write|rename) ".*": the file system is read-only/);
  });
  it("that is read-only from the first, or too small for the run", async () => {
    const disk = await tmpfs("small", "size=300k");
    const small = await trainApart(join(disk, "run"), options);
    expect([small.code, small.errors]).toEqual([4, expect.stringContaining("for the checkpoints of the run:")]);
    await shell("mount", ["-o", "remount,ro", disk]);
    const refused = await trainApart(join(disk, "run"), options);
    expect([refused.code, refused.errors]).toEqual([4, expect.stringContaining("the file system is read-only")]);
  });
});
