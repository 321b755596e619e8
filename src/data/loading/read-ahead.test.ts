import { afterEach, expect, it, vi } from "vitest";
import { atOnce } from "../../system/files/read-at-once.js";
import type { SampleSource } from "../dataset/dataset.js";
import { ReadAhead } from "./read-ahead.js";

afterEach(() => vi.unstubAllEnvs());

/** Samples of this many bytes, and how many of them have been asked for. */
function samples(bytes: number) {
  const started: number[] = [];
  const source = (i: number): SampleSource => {
    const blob = Object.assign(new Blob([]), {
      arrayBuffer: async () => {
        started.push(i);
        return new ArrayBuffer(bytes);
      },
    });
    return { kind: "bytes", bytes: blob, name: `sample ${i}` };
  };
  return { started, source };
}

async function makeReadsSlow(): Promise<void> {
  const end = performance.now() + 5;
  await atOnce(
    () => {
      while (performance.now() < end);
    },
    async () => undefined,
  );
}

it("holds a few samples, and reads the next when one is no longer needed", async () => {
  const { started, source } = samples(10);
  const ahead = new ReadAhead();
  const readings = Array.from({ length: 12 }, (_, i) => ahead.add(source(i)));
  expect(started).toEqual([0, 1, 2, 3, 4]);
  for (const [i, reading] of readings.entries()) {
    expect(await reading.found).toMatchObject({ name: `sample ${i}` });
    reading.done();
    expect(started.length).toBe(Math.min(12, 6 + i));
  }
});

it("tells of a sample that cannot be read when its turn comes, and goes on", async () => {
  const ahead = new ReadAhead();
  const missing: SampleSource = { kind: "file", path: "/nowhere/missing.jpg" };
  const readings = [missing, samples(1).source(1)].map((source) => ahead.add(source));
  await expect(readings[0].found).rejects.toThrow("missing.jpg");
  readings[0].done();
  expect(await readings[1].found).toMatchObject({ name: "sample 1" });
});

it("holds as many as there are threads to wait in while reads are slow, and of large files few", async () => {
  await makeReadsSlow();
  for (const [threads, bytes, held] of [
    ["64", 10, 32],
    ["12", 10, 12],
    ["", 10, 5],
    ["64", 2 ** 23, 8],
    ["64", 2 ** 26 + 1, 2],
  ] as const) {
    vi.stubEnv("UV_THREADPOOL_SIZE", threads);
    const ahead = new ReadAhead();
    const first = ahead.add(samples(bytes).source(0));
    await first.found;
    first.done();
    const { started, source } = samples(bytes);
    for (let i = 0; i < 40; i++) ahead.add(source(i));
    expect(started.length).toBe(held);
  }
});
