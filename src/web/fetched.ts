/** Files of a page: fetched from an address, dropped by the user, or in memory. */
import { DownloadError, UsageError } from "../errors/errors.js";

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
  const { name } = input as { readonly name?: unknown };
  return typeof name === "string" && name !== "" ? name : otherwise;
}

/** All bytes of a file; `onProgress` is told of a download. Throws DownloadError. */
export async function bytesOf(
  input: FileInput,
  otherwise: string,
  onProgress?: (done: number, total: number) => void,
): Promise<NamedBytes> {
  const name = nameOf(input, otherwise);
  if (input instanceof Uint8Array) return { name, bytes: new Uint8Array(input) };
  if (input instanceof ArrayBuffer) return { name, bytes: new Uint8Array(input) };
  if (input instanceof Blob) return { name, bytes: new Uint8Array(await input.arrayBuffer()) };
  if (typeof input !== "string" && !(input instanceof URL))
    throw new UsageError(`${otherwise} is neither an address nor a file; give one of them.`);
  const response = await answered(input, name);
  return { name, bytes: await body(response, name, onProgress) };
}

async function answered(address: string | URL, name: string): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address);
  } catch (cause) {
    throw new DownloadError(
      `Cannot fetch ${name}: its server does not answer, or does not allow this page to read it (CORS).`,
      { cause },
    );
  }
  if (!response.ok) throw new DownloadError(`${name} answered with status ${response.status}; check the address.`);
  return response;
}

async function body(
  response: Response,
  name: string,
  onProgress: ((done: number, total: number) => void) | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const total = Number(response.headers.get("content-length") ?? 0);
  const pieces: Uint8Array[] = [];
  let done = 0;
  try {
    for (const reader = response.body!.getReader(); ; ) {
      const piece = await reader.read();
      if (piece.done) break;
      pieces.push(piece.value);
      done += piece.value.length;
      onProgress?.(done, Math.max(done, total));
    }
  } catch (cause) {
    throw new DownloadError(`The download of ${name} broke off after ${done} bytes; try again.`, { cause });
  }
  const bytes = new Uint8Array(done);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
