import koffi from "koffi";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Coordinator } from "../../../src/cluster/coordinator.js";
import { Rank } from "../../../src/cluster/rank.js";
import { KeyValueCallbacks } from "../../../src/engines/xla/pjrt/key-value.js";
import { addressOf, pointerArray, readBytes, Struct, type StructName } from "../../../src/engines/xla/pjrt/struct.js";

// A plugin calls from threads of its own. So do koffi's asynchronous calls, through the very addresses a plugin gets.
const proto = koffi.proto("uintptr_t", ["void *"]);
type Call = { async(args: Buffer, done: (error: unknown, result: bigint | number) => void): void };
const onThread = (at: bigint, args: Struct<StructName>): Promise<bigint> =>
  new Promise((resolve, reject) =>
    (koffi.decode(at, proto) as Call).async(args.bytes, (e, r) => (e ? reject(e) : resolve(BigInt(r)))),
  );

/** What the plugin's function for making errors is given; it answers with an address that stands for the error. */
const errors: [number, string][] = [];
const maker = koffi.register(
  (code: number, text: bigint | number, length: bigint | number) => {
    errors.push([code, readBytes(BigInt(text), Number(length)).toString()]);
    return 4711;
  },
  koffi.pointer(koffi.proto("uintptr_t", ["int", "uintptr_t", "size_t"])),
);
const callback_error = pointerArray([maker]);

const key = (text: string) => ({ key: Buffer.from(text), key_size: Buffer.byteLength(text), callback_error });
const putArgs = (name: string, value: Uint8Array) =>
  new Struct("KeyValuePutCallback_Args", { ...key(name), value, value_size: value.length });
const getArgs = (name: string, timeout_in_ms: number) =>
  new Struct("KeyValueGetCallback_Args", { ...key(name), timeout_in_ms });
const tryArgs = (name: string) => new Struct("KeyValueTryGetCallback_Args", key(name));

/** Copies a value and frees it as a plugin does. */
function take(args: Struct<"KeyValueGetCallback_Args"> | Struct<"KeyValueTryGetCallback_Args">): Buffer {
  const value = readBytes(args.pointer("value"), args.number("value_size"));
  koffi.decode(args.pointer("value_deleter_callback"), koffi.proto("void", ["uintptr_t"]))(args.pointer("value"));
  return value;
}

let coordinator: Coordinator;
let ranks: Rank[];
let callbacks: KeyValueCallbacks[];
beforeAll(async () => {
  coordinator = await Coordinator.listen({ ranks: 2, token: "t", host: "127.0.0.1" });
  const at = `127.0.0.1:${coordinator.port}`;
  ranks = await Promise.all([0, 1].map((rank) => Rank.join({ rank, ranks: 2, coordinator: at, token: "t" })));
  callbacks = await Promise.all(ranks.map((r) => KeyValueCallbacks.start(r)));
});
afterAll(async () => {
  for (const c of callbacks) await c.close();
  for (const r of ranks) await r.leave();
  await coordinator.close();
  koffi.unregister(maker);
});

describe("key-value callbacks", () => {
  it("carry values between processes, from foreign threads", async () => {
    const [a, b] = callbacks;
    const value = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7);
    const wanted = getArgs("topology:1", 20_000);
    // The reader waits on its thread while the same process writes and the main thread continues.
    const read = onThread(b.address("get"), wanted);
    expect(await onThread(b.address("put"), putArgs("topology:0", Buffer.from("zero")))).toBe(0n);
    const other = getArgs("topology:0", 20_000);
    expect(await onThread(a.address("get"), other)).toBe(0n);
    expect(take(other).toString()).toBe("zero");
    expect(await onThread(a.address("put"), putArgs("topology:1", value))).toBe(0n);
    expect(await read).toBe(0n);
    expect(Buffer.compare(take(wanted), Buffer.from(value))).toBe(0);
  });

  it("answer several threads, and hand out empty values", async () => {
    const [a, b] = callbacks;
    // Three readers, since asynchronous calls have four threads in all and the writer needs one.
    const names = Array.from({ length: 3 }, (_, i) => `key ${i}`);
    const reads = names.map((name) => getArgs(name, 20_000));
    const reading = reads.map((args) => onThread(a.address("get"), args));
    await Promise.all(names.map((name, i) => onThread(b.address("put"), putArgs(name, Buffer.from("x".repeat(i))))));
    expect(await Promise.all(reading)).toEqual(Array(3).fill(0n));
    expect(reads.map((args) => take(args).toString())).toEqual(names.map((_, i) => "x".repeat(i)));
  });

  it("fail with the plugin's own kind of error: late, missing, or the job is over", async () => {
    const [a, b] = callbacks;
    expect(await onThread(a.address("get"), getArgs("never", 40))).toBe(4711n);
    const there = tryArgs("topology:0");
    expect(await onThread(b.address("tryGet"), there)).toBe(0n);
    expect(take(there).toString()).toBe("zero");
    expect(await onThread(b.address("tryGet"), tryArgs("never"))).toBe(4711n);
    expect(errors).toEqual([
      [4, 'no process has put the value "never" within 0.04 s'],
      [5, 'no process has put the value "never"'],
    ]);
    const waiting = onThread(b.address("get"), getArgs("never", 60_000));
    coordinator.end("Rank 1 is gone, so the job ends.");
    expect(await waiting).toBe(4711n);
    expect(errors[2]).toEqual([14, "Rank 1 is gone, so the job ends."]);
    expect(addressOf(callback_error)).toBeGreaterThan(0n);
  });
});
