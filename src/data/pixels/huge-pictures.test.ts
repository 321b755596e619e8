import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { inTurn, manyPixels } from "./huge-pictures.js";

it("works on huge pictures one at a time, and on others at once", async () => {
  const most = async (pixels: number) => {
    const seen: number[] = [];
    let now = 0;
    const work = async () => {
      seen.push(++now);
      await new Promise((done) => setImmediate(done));
      now--;
    };
    await Promise.all(Array.from({ length: 4 }, () => inTurn(pixels, work)));
    return Math.max(...seen);
  };
  expect(await most(manyPixels + 1)).toBe(1);
  expect(await most(manyPixels)).toBe(4);
});

it("gives the turn back when the work fails", async () => {
  const failure = () => Promise.reject(new Error("no pixels"));
  await expect(inTurn(manyPixels + 1, failure)).rejects.toThrow("no pixels");
  expect(await inTurn(manyPixels + 1, async () => "read")).toBe("read");
});

it("is one turn for all threads", async () => {
  const code = `
    const { getEnvironmentData, parentPort } = require("node:worker_threads");
    parentPort.postMessage(Atomics.load(new Int32Array(getEnvironmentData("deit: decoding a huge picture")), 0));`;
  const seen = (): Promise<number> =>
    new Promise((resolve, reject) => new Worker(code, { eval: true }).once("message", resolve).once("error", reject));
  expect(await inTurn(manyPixels + 1, seen)).toBe(1);
  expect(await seen()).toBe(0);
});
