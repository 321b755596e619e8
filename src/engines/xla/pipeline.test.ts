import { expect, it } from "vitest";
import { Pipeline } from "./pipeline.js";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it("prepares ahead, submits in order, and limits what is in flight", async () => {
  const pipeline = new Pipeline(2);
  const log: string[] = [];
  let inFlight = 0;
  let most = 0;
  const results = await Promise.all(
    [30, 1, 10, 1].map((ms, i) =>
      pipeline.run({
        prepare: async () => {
          most = Math.max(most, ++inFlight);
          log.push(`prepare ${i}`);
          await pause(ms);
        },
        submit: async () => {
          log.push(`submit ${i}`);
        },
        finish: async () => {
          await pause(5);
          inFlight--;
          return i;
        },
      }),
    ),
  );
  expect(results).toEqual([0, 1, 2, 3]);
  expect(log.filter((l) => l.startsWith("submit"))).toEqual(["submit 0", "submit 1", "submit 2", "submit 3"]);
  expect(log.indexOf("prepare 1")).toBeLessThan(log.indexOf("submit 0"));
  expect(most).toBe(2);
});

it("continues after a failure in any stage", async () => {
  const pipeline = new Pipeline(1);
  const stages = { prepare: async () => 1, submit: async (n: number) => n + 1, finish: async (n: number) => n + 1 };
  const fail = async (): Promise<never> => {
    throw new Error("no");
  };
  const all = [
    pipeline.run({ ...stages, prepare: fail }),
    pipeline.run({ ...stages, submit: fail }),
    pipeline.run({ ...stages, finish: fail }),
    pipeline.run(stages),
    pipeline.exclusive(fail),
    pipeline.exclusive(async () => "alone"),
  ];
  const outcomes = await Promise.allSettled(all);
  expect(outcomes.map((o) => o.status)).toEqual([
    "rejected",
    "rejected",
    "rejected",
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  await pipeline.idle();
});
