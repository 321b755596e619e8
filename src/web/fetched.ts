/** Files of a page: fetched from an address, dropped by the user, or in memory. */
import { DownloadError, FileError, InterruptedError, UsageError } from "../errors/errors.js";
import { shown } from "../errors/options.js";

/** A file's bytes: at an address (relative ones are the page's), a `File` or `Blob`, or in memory. */
export type FileInput = string | URL | Blob | Uint8Array | ArrayBuffer;

/** A file with its name for messages. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The name of a file in messages. */
export function nameOf(input: FileInput, otherwise: string): string {
  if (typeof input === "string") return input.startsWith("data:") ? otherwise : input;
  if (input instanceof URL) return input.protocol === "data:" ? otherwise : input.href;
  const { name } = (input ?? {}) as { readonly name?: unknown };
  return typeof name === "string" && name !== "" ? name : otherwise;
}

/** How files are fetched. */
export interface DownloadOptions {
  /** Bytes of the file so far and in total; the total grows with them where the server does not state it. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Ends a download with InterruptedError. */
  readonly signal?: AbortSignal;
}

/** All bytes of a file. Throws DownloadError, or InterruptedError. */
export async function bytesOf(input: FileInput, otherwise: string, options: DownloadOptions = {}): Promise<NamedBytes> {
  const name = nameOf(input, otherwise);
  if (input instanceof Uint8Array) return { name, bytes: new Uint8Array(input) };
  if (input instanceof ArrayBuffer) return { name, bytes: new Uint8Array(input) };
  if (input instanceof Blob) return { name, bytes: await read(input, name) };
  if (typeof input !== "string" && !(input instanceof URL))
    throw new UsageError(
      `${shown(input)} was given for ${otherwise}; give an address, a File or Blob, or the bytes of a file as a Uint8Array or an ArrayBuffer.`,
    );
  const response = await answered(input, name, options);
  if (!response.ok) throw refused(response, name);
  return { name, bytes: await body(response, name, options) };
}

/** The same for an address at which there may be nothing. Many servers answer with a page for those. */
export async function fetchedIfThere(address: string, options: DownloadOptions): Promise<NamedBytes | undefined> {
  const response = await answered(address, address, options);
  const page = response.headers.get("content-type")?.startsWith("text/html");
  if (response.status === 404 || response.status === 410 || (response.ok && page)) {
    await response.body?.cancel();
    return undefined;
  }
  if (!response.ok) throw refused(response, address);
  return { name: address, bytes: await body(response, address, options) };
}

async function read(file: Blob, name: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (cause) {
    throw new FileError(
      name,
      `"${name}" can no longer be read; it was changed or removed since it was chosen: choose it again.`,
      {
        cause,
      },
    );
  }
}

async function answered(address: string | URL, name: string, { signal }: DownloadOptions): Promise<Response> {
  try {
    return await fetch(address, { signal });
  } catch (cause) {
    if (signal?.aborted) throw interrupted(name, cause);
    throw new DownloadError(
      `Cannot fetch ${name}: its server does not answer, or does not allow this page to read it (CORS).`,
      { cause },
    );
  }
}

const interrupted = (name: string, cause?: unknown): InterruptedError =>
  new InterruptedError(`The download of ${name} was interrupted.`, { cause });

function refused({ status }: Response, name: string): DownloadError {
  const advice =
    status === 401 || status === 403
      ? "it may be read only by those who are signed in"
      : status === 429 || status >= 500
        ? "try again later"
        : "check the address";
  return new DownloadError(`${name} answered with status ${status}; ${advice}.`);
}

async function body(
  response: Response,
  name: string,
  { onProgress, signal }: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const total = Number(response.headers.get("content-length") ?? 0);
  const pieces: Uint8Array[] = [];
  let done = 0;
  const brokeOff = (cause?: unknown) =>
    new DownloadError(
      `The download of ${name} broke off after ${done} bytes${total > done ? ` of ${total}` : ""}; try again.`,
      {
        cause,
      },
    );
  const reader = response.body!.getReader();
  for (;;) {
    const piece = await reader.read().catch((cause: unknown) => {
      throw signal?.aborted ? interrupted(name, cause) : brokeOff(cause);
    });
    if (piece.done) break;
    pieces.push(piece.value);
    done += piece.value.length;
    try {
      onProgress?.(done, Math.max(done, total));
    } catch (error) {
      void reader.cancel().catch(() => undefined);
      throw error; // the caller's own
    }
  }
  // What a server compresses is longer here than it says.
  if (done < total) throw brokeOff();
  const bytes = new Uint8Array(done);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
