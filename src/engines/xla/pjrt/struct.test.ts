import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { addressOf, readBytes, readPointers, Struct } from "./struct.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

it("keeps alive all memory that native code can reach through it", async () => {
  const args = new Struct("LoadedExecutable_Execute_Args");
  const seen = (() => {
    const lists = [BigUint64Array.of(7n), BigUint64Array.of(8n, 9n)];
    const inner = Buffer.from("within what a field points at");
    args.set("argument_lists", lists);
    args.keep(inner);
    return [...lists, inner].map((memory) => new WeakRef<ArrayBufferView>(memory));
  })();
  for (let i = 0; i < 3; i++) {
    await sleep(0); // objects accessed in a turn of the event loop live until its end
    collect();
  }
  expect(seen.map((memory) => memory.deref() !== undefined)).toEqual([true, true, true]);
  const [first, second] = readPointers(args.pointer("argument_lists"), 2);
  expect(first).toBe(addressOf(seen[0].deref()!));
  expect(readPointers(second, 2)).toEqual([8n, 9n]);
  expect(readBytes(first, 8).readBigUInt64LE(0)).toBe(7n);
});

it("releases that memory together with itself", async () => {
  const seen = (() => {
    const list = BigUint64Array.of(7n);
    new Struct("LoadedExecutable_Execute_Args").set("argument_lists", [list]);
    return new WeakRef(list);
  })();
  for (let i = 0; i < 3 && seen.deref(); i++) {
    await sleep(0);
    collect();
  }
  expect(seen.deref()).toBeUndefined();
});
