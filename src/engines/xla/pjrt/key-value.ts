/** PJRT's key-value callbacks over a store: how the clients of several processes find each other. */

import { once } from "node:events";
import { MessageChannel, type MessagePort, type Worker } from "node:worker_threads";
import type { KeyValueStore } from "../../../cluster/process-group.js";
import { messageOf } from "../../../errors/message-of.js";
import { startThread } from "../../../system/threads/start-thread.js";
import { workerUrl } from "../../../system/threads/worker-url.js";
import type { KeyValueAnswer, KeyValueCall, KeyValueQuestion, KeyValueWorkerData } from "./key-value-worker.js";
import type { Pointer } from "./struct.js";

/** One callback on its own thread: a plugin may put a value while another of its threads waits for one. */
interface Caller {
  readonly worker: Worker;
  readonly answers: MessagePort;
  readonly address: Pointer;
}

export class KeyValueCallbacks {
  /**
   * Starts the callbacks; their addresses are valid until `close`. The plugin calls them from its own threads, and the
   * main thread must be free to answer, so calls into the plugin that may use them have to be asynchronous.
   */
  static async start(store: KeyValueStore): Promise<KeyValueCallbacks> {
    const [get, put, tryGet] = await Promise.all((["get", "put", "tryGet"] as const).map((call) => start(store, call)));
    return new KeyValueCallbacks({ get, put, tryGet });
  }

  private constructor(private readonly callers: Readonly<Record<KeyValueCall, Caller>>) {}

  address(call: KeyValueCall): Pointer {
    return this.callers[call].address;
  }

  async close(): Promise<void> {
    const callers = Object.values(this.callers);
    await Promise.all(
      callers.map(async ({ worker, answers }) => {
        const gone = once(worker, "exit");
        worker.postMessage("end");
        answers.close();
        await gone;
      }),
    );
  }
}

async function start(store: KeyValueStore, call: KeyValueCall): Promise<Caller> {
  const { port1: answers, port2 } = new MessageChannel();
  const ready = new Int32Array(new SharedArrayBuffer(4));
  const workerData: KeyValueWorkerData = { call, ready, answers: port2 };
  const worker = startThread(workerUrl("engines/xla/pjrt/key-value-worker"), { workerData, transferList: [port2] });
  const [address] = (await once(worker, "message")) as [Pointer];
  worker.on("message", async (question: KeyValueQuestion) => {
    answers.postMessage(await answer(store, call, question));
    Atomics.store(ready, 0, 1);
    Atomics.notify(ready, 0);
  });
  worker.unref();
  answers.unref();
  return { worker, answers, address };
}

async function answer(
  store: KeyValueStore,
  call: KeyValueCall,
  { key, timeoutMs, value }: KeyValueQuestion,
): Promise<KeyValueAnswer> {
  try {
    if (value) {
      await store.put(key, value);
      return { kind: "done" };
    }
    const found = await store.get(key, timeoutMs);
    if (found) return { kind: "done", value: found };
    return call === "tryGet"
      ? { kind: "failed", code: "NOT_FOUND", message: `no process has put the value "${key}"` }
      : {
          kind: "failed",
          code: "DEADLINE_EXCEEDED",
          message: `no process has put the value "${key}" within ${timeoutMs / 1000} s`,
        };
  } catch (error) {
    return { kind: "failed", code: "UNAVAILABLE", message: messageOf(error) };
  }
}
