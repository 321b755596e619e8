import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isLocked, takeLock, waitForLock } from "../../src/system/files/lock-file.js";
import { lifeOf, thisProcess } from "../../src/system/files/process-identity.js";

let folder: string;
let path: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-lock-"));
  path = join(folder, "lock");
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

const held = () => new Error("held");
const linux = process.platform === "linux";
const write = (owner: unknown) => writeFile(path, typeof owner === "string" ? owner : JSON.stringify(owner));
/** As if the last sign of life had been so long ago. */
const silentFor = (seconds: number) =>
  utimes(path, new Date(Date.now() - 1000 * seconds), new Date(Date.now() - 1000 * seconds));

async function sleeper(): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000); console.log()"]);
  children.push(child);
  await once(child.stdout, "data");
  return child;
}

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return child.pid!;
}

describe("a lock", () => {
  it("has one owner at a time, and leaves nothing behind", async () => {
    const lock = await takeLock(path, { held });
    expect(await isLocked(path)).toBe(true);
    await expect(takeLock(path, { held: (owner) => new Error(`held by ${owner?.pid}`) })).rejects.toThrow(
      `held by ${process.pid}`,
    );
    await lock.confirm();
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
    expect(await isLocked(path)).toBe(false);
  });

  it("is waited for, with a message that names the holder", async () => {
    const lock = await takeLock(path, { held });
    let waitingFor: number | undefined;
    const next = waitForLock(path, {
      onWaiting: (owner) => {
        waitingFor = owner?.pid;
        void lock.release();
      },
    });
    await (await next).release();
    expect(waitingFor).toBe(process.pid);
    const abort = new AbortController();
    const again = await takeLock(path, { held });
    const waiting = waitForLock(path, { signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow();
    await again.release();
  });

  // A process that is gone: of this boot and namespace, of an older version, on a system that tells no more.
  it.each([
    ["with all that the system tells", () => ({ ...thisProcess(), started: "1" })],
    ["of an older version", () => ({ host: hostname(), began: 1 })],
  ])("of a process that is gone is taken over at once: %s", async (_, identity) => {
    await write({ ...identity(), pid: await deadPid() });
    expect(await isLocked(path)).toBe(false);
    await (await takeLock(path, { held })).release();
    expect(await readdir(folder)).toEqual([]);
  });

  it.runIf(linux)("whose process number was reused is taken over at once", async () => {
    const { pid } = await sleeper();
    await write({ ...thisProcess(), pid, started: "12345" });
    expect(await isLocked(path)).toBe(false);
    await (await takeLock(path, { held })).release();
  });

  it("without a start time, of a process number in use, holds for two minutes without a sign of life", async () => {
    const { pid } = await sleeper();
    await write({ pid, host: hostname(), began: 1_700_000_000_000 });
    await expect(takeLock(path, { held })).rejects.toThrow("held");
    await silentFor(121);
    expect(await isLocked(path)).toBe(false);
    await (await takeLock(path, { held, beat: 50 })).release();
  });

  it.runIf(linux)("of a live process holds however long it is silent, as a stopped one is", async () => {
    const child = await sleeper();
    const stat = await readFile(`/proc/${child.pid}/stat`, "utf8");
    const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    await write({ ...thisProcess(), pid: child.pid, started });
    await silentFor(10_000);
    await expect(takeLock(path, { held })).rejects.toThrow("held");
    expect(await isLocked(path)).toBe(true);
  });

  it.runIf(linux)("of a zombie process is taken over at once", async () => {
    // A shell that does not wait for its child: what was started last stays a zombie while it sleeps.
    const shell = spawn("sh", ["-c", "sh -c 'echo $$; sleep 0.1' & exec sleep 60"]);
    children.push(shell);
    const [line] = (await once(createInterface({ input: shell.stdout }), "line")) as [string];
    const pid = Number(line);
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const owner = { ...thisProcess(), pid, started: stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] };
    for (let i = 0; i < 100 && lifeOf(owner) === "alive"; i++) await sleep(50);
    expect(await readFile(`/proc/${pid}/stat`, "utf8")).toMatch(/\) Z /);
    await write(owner);
    await (await takeLock(path, { held })).release();
    await write({ pid, host: hostname(), began: 1 }); // nor does it count in an older version's words
    await (await takeLock(path, { held })).release();
  });

  it.each([
    ["another machine", () => ({ pid: 1, host: "elsewhere", began: 1 })],
    ["another PID namespace of this machine", () => ({ ...thisProcess(), numbering: "boot pid:[1]", started: "1" })],
  ])("of %s holds until two minutes have passed without a sign of life", async (_, owner) => {
    await write(owner());
    await expect(takeLock(path, { held })).rejects.toThrow("held");
    expect(await isLocked(path)).toBe(true);
    await silentFor(130);
    expect(await isLocked(path)).toBe(false);
    await (await takeLock(path, { held, beat: 50 })).release();
  });

  it("that is renewed while it is examined holds, whatever the disk's clock says", async () => {
    const owner = JSON.stringify({ pid: 1, host: "elsewhere", began: 1 });
    await write(owner);
    await silentFor(130);
    const refused = expect(takeLock(path, { held, beat: 1000 })).rejects.toThrow("held");
    await sleep(300);
    await write(owner);
    await refused;
  });

  it.each([[""], ["garbage"], ["1"], ["-1"], ["0"], ["{}"], ['{"pid":-1,"host":"x"}'.slice(0, 9)]])(
    "that names no owner (%j) is taken over soon",
    async (text) => {
      await write(text);
      await (await takeLock(path, { held, silence: 200 })).release();
      expect(await readdir(folder)).toEqual([]);
    },
  );

  it("that another process has taken over is given up, and left alone", async () => {
    const lost = (owner?: { readonly pid: number }) => new Error(`lost to ${owner?.pid}`);
    const lock = await takeLock(path, { held, lost, beat: 30 });
    await rm(path);
    await write({ pid: 77, host: "elsewhere", began: 1 });
    await once(lock.lost, "abort");
    await expect(lock.confirm()).rejects.toThrow("lost to 77");
    await lock.release();
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ pid: 77 });
  });

  it("that was removed is taken again", async () => {
    const lock = await takeLock(path, { held });
    await rm(path);
    await lock.confirm();
    expect(await isLocked(path)).toBe(true);
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it("is taken over although a process died in the midst of taking it over", async () => {
    const pid = await deadPid();
    const gone = JSON.stringify({ pid, host: hostname(), began: 1 });
    await write(gone);
    const { rightToReplace } = await import("../../src/system/files/atomic-file.js");
    await writeFile(rightToReplace(path, gone), JSON.stringify({ pid, host: hostname(), began: 2 }));
    await (await takeLock(path, { held })).release();
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("processes that take one abandoned lock at one moment", () => {
  const rounds = Number(process.env.DEIT_LOCK_ROUNDS ?? 25);

  it(`have one owner among them, each of ${rounds} times`, { timeout: 600_000 }, async () => {
    const module = new URL("../../dist/system/files/lock-file.js", import.meta.url).href;
    const script = new URL("../fixtures/lock-taker.mjs", import.meta.url).pathname;
    const takers = Array.from({ length: 3 }, () => {
      const child = spawn(process.execPath, [script, module], { stdio: ["pipe", "pipe", "inherit"] });
      children.push(child);
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      return async (message: unknown) => {
        child.stdin.write(`${JSON.stringify(message)}\n`);
        return JSON.parse((await lines.next()).value as string) as { got?: boolean };
      };
    });
    const pid = await deadPid();
    for (let round = 0; round < rounds; round++) {
      await write({ pid, host: hostname(), began: round });
      const at = performance.timeOrigin + performance.now() + (round === 0 ? 1000 : 10);
      const answers = await Promise.all(takers.map((ask) => ask({ path, at })));
      expect(answers.filter(({ got }) => got).length).toBe(1);
      await takers[answers.findIndex(({ got }) => got)]({ release: true });
      expect(await readdir(folder)).toEqual([]);
    }
  });
});
