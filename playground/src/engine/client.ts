/** The page's side of the worker: calls with progress, cancelled by a signal. */
import { Cancelled, PageError } from "./failure";
import type { CallName, Calls, Failure, FromWorker, ToWorker } from "./protocol";

const errorOf = ({ message, wants, cancelled }: Failure): Error =>
  cancelled ? new Cancelled() : new PageError(message, wants);

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly told?: (event: unknown) => void;
}

export interface CallOptions<Name extends CallName> {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: Calls[Name]["tells"]) => void;
}

/** A worker with `deit/web`. Everything that computes happens there, so the page stays responsive. */
export class Engine {
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  /** Why nothing can be computed here. */
  missing?: string;
  #calls = 0;

  /** The worker starts when `ready` resolves. */
  constructor(private readonly ready: Promise<void>) {}

  call<Name extends CallName>(
    name: Name,
    takes: Calls[Name]["takes"],
    { signal, onEvent }: CallOptions<Name> = {},
  ): Promise<Calls[Name]["gives"]> {
    if (typeof WebAssembly === "undefined")
      return Promise.reject(
        new PageError("This browser does not run WebAssembly, which computes here; use a newer one, or allow it."),
      );
    if (this.missing !== undefined) return Promise.reject(new PageError(this.missing));
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(new Cancelled());
      this.#pending.set(id, { resolve: resolve as Pending["resolve"], reject, told: onEvent as Pending["told"] });
      void this.ready.then(() => this.#pending.has(id) && this.#send({ kind: "call", id, name, takes }));
      signal?.addEventListener("abort", () => this.#pending.has(id) && this.#send({ kind: "cancel", id }));
    });
  }

  #send(message: ToWorker): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "deit" });
    worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => this.#heard(data));
    worker.addEventListener("error", (event) => {
      console.error(event.message);
      worker.terminate();
      this.#worker = undefined;
      this.#failAll("The part of this page that computes has stopped; reload the page, and the network if it is down.");
    });
    return worker;
  }

  #heard(message: FromWorker): void {
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    if (message.kind === "told") {
      pending.told?.(message.event);
      return;
    }
    this.#pending.delete(message.id);
    if (message.kind === "done") pending.resolve(message.gives);
    else pending.reject(errorOf(message.failure));
  }

  #failAll(sentence: string): void {
    for (const { reject } of this.#pending.values()) reject(new PageError(sentence));
    this.#pending.clear();
  }
}
