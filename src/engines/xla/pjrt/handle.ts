/** Native objects that must be freed: each is one handle, freed once, and counted until then. */
import { EngineError } from "../../../errors/errors.js";
import type { PjrtLibrary } from "./library.js";
import { type Pointer, Struct } from "./struct.js";

export type HandleKind = "client" | "event" | "buffer" | "executable" | "loaded executable";

const destroyers: Readonly<Record<HandleKind, (library: PjrtLibrary, at: Pointer) => unknown>> = {
  client: (l, client) => l.call("Client_Destroy", new Struct("Client_Destroy_Args", { client }), "closing the client"),
  event: (l, event) => l.call("Event_Destroy", new Struct("Event_Destroy_Args", { event }), "freeing an event"),
  buffer: (l, buffer) => l.call("Buffer_Destroy", new Struct("Buffer_Destroy_Args", { buffer }), "freeing a buffer"),
  executable: (l, executable) =>
    l.call("Executable_Destroy", new Struct("Executable_Destroy_Args", { executable }), "freeing a program"),
  "loaded executable": (l, executable) =>
    l.call(
      "LoadedExecutable_Destroy",
      new Struct("LoadedExecutable_Destroy_Args", { executable }),
      "freeing a program",
    ),
};

export class Handle {
  #pointer: Pointer;

  constructor(
    readonly library: PjrtLibrary,
    readonly kind: HandleKind,
    pointer: Pointer,
  ) {
    this.#pointer = pointer;
    library.count(kind, 1);
  }

  get alive(): boolean {
    return this.#pointer !== 0n;
  }

  get pointer(): Pointer {
    if (!this.alive) throw new EngineError(`A PJRT ${this.kind} was used after it was freed; this is a bug in deit.`);
    return this.#pointer;
  }

  /** Frees the object; a second call does nothing. */
  destroy(): void {
    if (!this.alive) return;
    const pointer = this.#pointer;
    this.#pointer = 0n;
    this.library.count(this.kind, -1);
    destroyers[this.kind](this.library, pointer);
  }
}

/** Waits off the main thread until an event is ready, frees it, and throws what it reports. */
export async function settle(event: Handle, doing: string): Promise<void> {
  const { library } = event;
  try {
    const ready = library.call("Event_IsReady", new Struct("Event_IsReady_Args", { event: event.pointer }), doing);
    if (ready.flag("is_ready")) {
      library.call("Event_Error", new Struct("Event_Error_Args", { event: event.pointer }), doing);
    } else {
      await library.callAsync("Event_Await", new Struct("Event_Await_Args", { event: event.pointer }), doing);
    }
  } finally {
    event.destroy();
  }
}

/** Waits for all events, one thread at a time; all are freed, and the first failure is thrown. */
export async function settleAll(events: readonly Handle[], doing: string): Promise<void> {
  const failures: unknown[] = [];
  for (const event of events) await settle(event, doing).catch((error) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
