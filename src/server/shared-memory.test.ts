import { expect, it } from "vitest";
import { SharedMemory } from "./shared-memory.js";

it("hands out memory of the length asked for, and the same again once it is given back", () => {
  const memory = new SharedMemory();
  const [first, second] = [memory.take(5000), memory.take(5000)];
  expect([first.length, second.length]).toEqual([5000, 5000]);
  expect(second.buffer).not.toBe(first.buffer);
  memory.give(first);
  const third = memory.take(8000);
  expect(third.buffer).toBe(first.buffer);
  expect(third.length).toBe(8000);
});

it("does not keep more than its bound", () => {
  const memory = new SharedMemory();
  const large = memory.take(128 * 2 ** 20);
  memory.give(large);
  expect(memory.take(128 * 2 ** 20).buffer).not.toBe(large.buffer);
});
