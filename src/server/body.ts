/** Reads the image of a request, never more than a bounded number of bytes. */
import type { IncomingMessage } from "node:http";
import { busy, Problem } from "./problem.js";
import type { SharedMemory } from "./shared-memory.js";

/** Bytes of request bodies that are in memory at the same time. */
export class BodyBudget {
  #used = 0;

  constructor(
    /** Bytes of all bodies together. */
    private readonly mostBytes: number,
  ) {}

  take(bytes: number): void {
    if (this.#used + bytes > this.mostBytes)
      throw busy("The server is receiving as much as it can hold at the moment; try again in a second.");
    this.#used += bytes;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

/** What bounds a body. */
export interface BodyLimits {
  readonly mostBytes: number;
  readonly budget: BodyBudget;
  /** Where bodies are kept. */
  readonly memory: SharedMemory;
}

/** A body in shared memory, which is used again after `release`. */
export interface Body {
  readonly bytes: Uint8Array;
  release(): void;
}

const mebibytes = (bytes: number): string => `${Math.round((10 * bytes) / 2 ** 20) / 10} MiB`;

/** Reads the whole body. Throws Problem if it is empty, larger than allowed, or the budget is used up. */
export async function readBody(incoming: IncomingMessage, { mostBytes, budget, memory }: BodyLimits): Promise<Body> {
  const large = () =>
    new Problem(413, `The body is larger than ${mebibytes(mostBytes)}; send a smaller image.`, { Connection: "close" });
  const encoding = incoming.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity")
    throw new Problem(415, `The body is compressed ("${encoding}"); send it without a content encoding.`);
  if (Number(incoming.headers["content-length"] ?? 0) > mostBytes) throw large();
  let taken = 0;
  try {
    const pieces: Uint8Array[] = [];
    await received(incoming, (piece) => {
      budget.take(piece.length);
      taken += piece.length;
      if (taken > mostBytes) throw large();
      pieces.push(piece);
    });
    if (taken === 0) throw new Problem(400, "The body is empty; send an image.");
    const bytes = memory.take(taken);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return {
      bytes,
      release: () => {
        memory.give(bytes);
        budget.give(taken);
      },
    };
  } catch (error) {
    budget.give(taken);
    if (error instanceof Problem) throw error;
    // The only other failure is that of the connection.
    throw new Problem(400, "The connection ended before the body was complete; send it again.");
  }
}

/** Resolves at the end of the body; rejects if the connection ends before, or with what `use` throws. */
function received(incoming: IncomingMessage, use: (piece: Uint8Array) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => () => {
      for (const [event, listener] of Object.entries(listeners)) incoming.off(event, listener);
      done();
    };
    const fail = settle(() => reject(new Error("the connection ended")));
    const listeners = {
      data: (piece: Uint8Array) => {
        try {
          use(piece);
        } catch (error) {
          settle(() => reject(error))();
        }
      },
      end: settle(resolve),
      error: fail,
      close: fail,
    };
    for (const [event, listener] of Object.entries(listeners)) incoming.on(event, listener);
    if (incoming.readableEnded) listeners.end();
    else if (incoming.destroyed) fail();
  });
}
