import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch, launchEnvironment } from "../../src/cluster/launcher.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-launch-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function script(name: string, code: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, code);
  return path;
}

describe("launch", () => {
  it("passes the exit code on", async () => {
    expect(await launch(await script("seven.mjs", "process.exit(Number(process.argv[2]))"), ["7"])).toBe(7);
  });

  it("gives 128 plus the number of the signal that ended the child", async () => {
    expect(await launch(await script("killed.mjs", "process.kill(process.pid, 'SIGKILL')"), [])).toBe(137);
  });

  it("starts the child with the allocator's settings and variables of the caller", async () => {
    const code = `const e = process.env;
      process.exit(e.DEIT_LAUNCHED === "1" && e.RANK === "3" && (process.platform !== "linux" || e.MALLOC_MMAP_MAX_ === "0") ? 0 : 1)`;
    expect(await launch(await script("env.mjs", code), [], { env: { RANK: "3" } })).toBe(0);
  });

  it("leaves alone what the user has set", () => {
    const env = launchEnvironment({ GLIBC_TUNABLES: "mine", UV_THREADPOOL_SIZE: "2" }, "linux");
    expect(env).toMatchObject({ GLIBC_TUNABLES: "mine", UV_THREADPOOL_SIZE: "2", MALLOC_MMAP_MAX_: "0" });
    expect(launchEnvironment({}, "darwin").GLIBC_TUNABLES).toBeUndefined();
  });

  it("forwards a signal to the child, which decides how to respond", async () => {
    const ready =
      "setInterval(() => {}, 1000); process.on('SIGTERM', () => process.exit(42)); process.kill(process.ppid, 'SIGTERM')";
    expect(await launch(await script("term.mjs", ready), [])).toBe(42);
  });

  it("ends the child when its parent is killed", async () => {
    const dist = new URL("../../dist/cluster/launcher.js", import.meta.url).href;
    const child = await script(
      "child.mjs",
      `import { followParent } from ${JSON.stringify(dist)};
       setInterval(() => {}, 1000); followParent(); console.log(process.pid)`,
    );
    const parent = await script(
      "parent.mjs",
      `import { launch } from ${JSON.stringify(dist)}; await launch(${JSON.stringify(child)}, [])`,
    );
    const launcher = spawn(process.execPath, [parent], { stdio: ["ignore", "pipe", "inherit"] });
    const pid = await new Promise<number>((resolve) => launcher.stdout.once("data", (d: Buffer) => resolve(Number(d))));
    const closed = new Promise((resolve) => launcher.stdout.once("close", resolve));
    launcher.kill("SIGKILL");
    // The pipe closes when the last process that holds it, the child, has ended.
    await expect(closed).resolves.toBe(false);
    expect(pid).toBeGreaterThan(0);
  });
});
