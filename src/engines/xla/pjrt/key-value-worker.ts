/**
 * The thread on which one of PJRT's key-value callbacks runs. A callback must not return before it has its answer, so
 * it needs a thread that may block; the main thread, which supplies the answers, must not.
 */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import koffi from "koffi";
import { pjrtEnums } from "../pjrt-api.generated.js";
import type { ErrorCode } from "./library.js";
import { type Pointer, readBytes, readStruct, writeField } from "./struct.js";

export type KeyValueCall = "get" | "tryGet" | "put";

export interface KeyValueWorkerData {
  readonly call: KeyValueCall;
  /** Becomes 1 when an answer is available. */
  readonly ready: Int32Array;
  readonly answers: MessagePort;
}

export interface KeyValueQuestion {
  readonly key: string;
  readonly timeoutMs: number;
  /** The value to put. */
  readonly value?: Uint8Array;
}

export type KeyValueAnswer =
  | { readonly kind: "done"; readonly value?: Uint8Array }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

const { call, ready, answers } = workerData as KeyValueWorkerData;
const libc = koffi.load(null);
const malloc = libc.func("malloc", "uintptr_t", ["size_t"]) as (size: number) => Pointer | number;
/** The function that frees the values returned by `get`. */
const free = koffi.address(libc.symbol("free"));
const errorMaker = koffi.proto("uintptr_t", ["int", "void *", "size_t"]);

function ask(question: KeyValueQuestion): KeyValueAnswer {
  Atomics.store(ready, 0, 0);
  parentPort!.postMessage(question);
  Atomics.wait(ready, 0, 0);
  return (receiveMessageOnPort(answers) as { message: KeyValueAnswer }).message;
}

/** The callback for `put`; `at` are its arguments, the result is the address of an error or 0. */
function put(at: Pointer): Pointer {
  const args = readStruct("KeyValuePutCallback_Args", at);
  const value = new Uint8Array(readBytes(args.pointer("value"), args.number("value_size")));
  const answer = ask({ key: args.string("key", "key_size"), timeoutMs: 0, value });
  return answer.kind === "failed" ? failure(answer, args.pointer("callback_error")) : 0n;
}

/** The same for both kinds of reading; one waits for the value, the other does not. */
function get(at: Pointer): Pointer {
  const name = call === "get" ? "KeyValueGetCallback_Args" : "KeyValueTryGetCallback_Args";
  const args = readStruct(name, at);
  const timeoutMs = call === "get" ? readStruct("KeyValueGetCallback_Args", at).number("timeout_in_ms") : 0;
  const answer = ask({ key: args.string("key", "key_size"), timeoutMs });
  if (answer.kind === "failed") return failure(answer, args.pointer("callback_error"));
  const { value = new Uint8Array() } = answer;
  const memory = BigInt(malloc(Math.max(1, value.length)));
  new Uint8Array(koffi.view(memory, Math.max(1, value.length))).set(value);
  writeField(name, at, "value", memory);
  writeField(name, at, "value_size", BigInt(value.length));
  writeField(name, at, "value_deleter_callback", free);
  return 0n;
}

function failure({ code, message }: Extract<KeyValueAnswer, { kind: "failed" }>, maker: Pointer): Pointer {
  // The field holds the address of a pointer to the function.
  const make = koffi.decode(readBytes(maker, 8).readBigUInt64LE(0), errorMaker) as (...args: unknown[]) => bigint;
  const text = Buffer.from(message);
  return BigInt(make(pjrtEnums.Error_Code[code], text, text.length));
}

const work = call === "put" ? put : get;
// koffi passes addresses as numbers if they are small enough.
const callback = koffi.register(
  (at: Pointer | number) => work(BigInt(at)),
  koffi.pointer(koffi.proto("uintptr_t", ["uintptr_t"])),
);
parentPort!.on("message", () => {
  koffi.unregister(callback);
  process.exit();
});
parentPort!.postMessage(callback);
