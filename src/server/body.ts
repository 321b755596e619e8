/** Reads the image of a request, never more than a bounded number of bytes. */
import { busy, Problem } from "./problem.js";

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

/** A body in memory until `release` is called. */
export interface Body {
  readonly bytes: Uint8Array<ArrayBuffer>;
  release(): void;
}

const mebibytes = (bytes: number): string => `${Math.round((10 * bytes) / 2 ** 20) / 10} MiB`;

/** Reads the whole body. Throws Problem if it is empty, larger than `mostBytes`, or the budget is used up. */
export async function readBody(request: Request, mostBytes: number, budget: BodyBudget): Promise<Body> {
  const large = () =>
    new Problem(413, `The body is larger than ${mebibytes(mostBytes)}; send a smaller image.`, { Connection: "close" });
  const encoding = request.headers.get("content-encoding");
  if (encoding !== null && encoding !== "identity")
    throw new Problem(415, `The body is compressed ("${encoding}"); send it without a content encoding.`);
  if (Number(request.headers.get("content-length") ?? 0) > mostBytes) throw large();
  let size = 0;
  try {
    const pieces: Uint8Array[] = [];
    for await (const piece of request.body ?? []) {
      budget.take(piece.length);
      size += piece.length;
      if (size > mostBytes) throw large();
      pieces.push(piece);
    }
    if (size === 0) throw new Problem(400, "The body is empty; send an image.");
    return { bytes: concatenated(pieces, size), release: () => budget.give(size) };
  } catch (error) {
    budget.give(size);
    if (error instanceof Problem) throw error;
    // The only other failure is that of the connection.
    throw new Problem(400, "The connection ended before the body was complete; send it again.");
  }
}

function concatenated(pieces: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
