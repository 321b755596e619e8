import { describe, expect, it } from "vitest";
import { Batcher } from "./batching.js";

/** A batcher of numbers whose batches end when told to. */
function controlled(mostInputs: number, longestWait = 1_000_000, instances = 1) {
  const batches: { readonly inputs: readonly number[]; end(error?: Error): void }[] = [];
  const batcher = new Batcher<number, number>(
    (inputs) =>
      new Promise((resolve, reject) => {
        batches.push({ inputs, end: (error) => (error ? reject(error) : resolve(inputs.map((n) => n * n))) });
      }),
    { mostInputs, longestWait, instances },
  );
  return { batcher, batches };
}

/** Lets everything happen that waits for nothing. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

function deferred() {
  let [resolve, reject]: [(n: number) => void, (error: Error) => void] = [() => {}, () => {}];
  const promise = new Promise<number>((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
}

describe("Batcher", () => {
  it("runs a single input at once, whatever the longest wait", async () => {
    const { batcher, batches } = controlled(8);
    const answer = batcher.add(Promise.resolve(3));
    await settled();
    batches[0].end();
    expect(await answer).toBe(9);
  });
  it("runs what arrives together as one batch, and answers each with its own output", async () => {
    const { batcher, batches } = controlled(8);
    const answers = [1, 2, 3, 4].map((n) => batcher.add(Promise.resolve(n)));
    await settled();
    batches[0].end();
    expect(await Promise.all(answers)).toEqual([1, 4, 9, 16]);
    expect(batches.map(({ inputs }) => inputs)).toEqual([[1, 2, 3, 4]]);
  });
  it("waits for an input that is being prepared", async () => {
    const { batcher, batches } = controlled(8);
    const late = deferred();
    void batcher.add(Promise.resolve(1));
    void batcher.add(late.promise);
    await settled();
    expect(batches).toEqual([]);
    late.resolve(2);
    await settled();
    expect(batches[0].inputs).toEqual([1, 2]);
  });
  it("does not wait for it once the deadline has passed", async () => {
    const { batcher, batches } = controlled(8, 0);
    void batcher.add(Promise.resolve(1));
    void batcher.add(new Promise(() => undefined));
    await settled();
    expect(batches[0].inputs).toEqual([1]);
  });
  it("does not wait for one whose preparation failed, which fails alone", async () => {
    const { batcher, batches } = controlled(8);
    const broken = deferred();
    const good = batcher.add(Promise.resolve(1));
    const bad = batcher.add(broken.promise);
    broken.reject(new Error("no image"));
    await expect(bad).rejects.toThrow("no image");
    await settled();
    batches[0].end();
    expect(await good).toBe(1);
  });
  it("gathers the next batch while one runs, full at most, of a power of two", async () => {
    const { batcher, batches } = controlled(4);
    for (let n = 0; n < 12; n++) void batcher.add(Promise.resolve(n));
    for (let i = 0; i < 4; i++) {
      await settled();
      batches[i]?.end();
    }
    expect(batches.map(({ inputs }) => inputs)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9, 10, 11],
    ]);
    for (let n = 0; n < 3; n++) void batcher.add(Promise.resolve(n));
    await settled();
    batches[3].end();
    await settled();
    expect(batches.slice(3).map(({ inputs }) => inputs)).toEqual([[0, 1], [2]]);
  });
  it("reports a failed batch to each of its inputs, and runs the next", async () => {
    const { batcher, batches } = controlled(2);
    const answers = [1, 2, 3].map((n) => batcher.add(Promise.resolve(n)));
    const failed = Promise.allSettled(answers.slice(0, 2));
    await settled();
    batches[0].end(new Error("no memory"));
    expect((await failed).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await settled();
    batches[1].end();
    expect(await answers[2]).toBe(9);
  });
  it("drops inputs whose client has gone", async () => {
    const { batcher, batches } = controlled(4);
    const gone = new AbortController();
    void batcher.add(Promise.resolve(1));
    await settled();
    const dropped = batcher.add(Promise.resolve(2), gone.signal);
    void batcher.add(Promise.resolve(3));
    await settled();
    gone.abort(new Error("gone"));
    batches[0].end();
    await expect(dropped).rejects.toThrow("gone");
    await settled();
    expect(batches[1].inputs).toEqual([3]);
  });

  it("shares what is waiting among idle instances, and gathers once all are busy", async () => {
    const { batcher, batches } = controlled(8, 1_000_000, 2);
    for (let n = 0; n < 6; n++) void batcher.add(Promise.resolve(n));
    await settled();
    expect(batches.map(({ inputs }) => inputs)).toEqual([
      [0, 1],
      [2, 3, 4, 5],
    ]);
    void batcher.add(Promise.resolve(6));
    await settled();
    expect(batches).toHaveLength(2);
    batches[1].end();
    await settled();
    expect(batches[2].inputs).toEqual([6]);
  });
});
