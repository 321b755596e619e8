/** The model in use: in this page, or on the server that the page comes from. */
import type { Engine } from "../engine/client";
import { Cancelled, PageError } from "../engine/failure";
import type { Answer, OpenedModel, Progress, Seen, WeightsSource } from "../engine/protocol";
import { counted } from "../page/words";
import type { Offered } from "./catalogue";

interface Common {
  readonly name: string;
  readonly classes?: readonly string[];
  readonly notes: readonly string[];
  readonly seen: Seen;
  /** Whether pictures are turned as the camera recorded before the model sees them. */
  readonly turned: boolean;
  /** What computes, in a few words. */
  readonly computes: string;
  /** `signal` says that nobody waits for the answer any more. */
  classify(picture: Blob, signal?: AbortSignal): Promise<Answer>;
}

/** A model whose weights are in the page. */
export interface LocalModel extends Common {
  readonly place: "page";
  /** Its number in the worker. */
  readonly id: number;
  close(): Promise<void>;
}

export interface ServedModel extends Common {
  readonly place: "server";
}

export type PageModel = LocalModel | ServedModel;

/** Classes that are shown. */
const top = 5;

export async function openLocal(
  engine: Engine,
  name: string,
  source: WeightsSource,
  options: { readonly signal?: AbortSignal; readonly onProgress?: (progress: Progress) => void } = {},
): Promise<LocalModel> {
  const opened = await engine.call("open", source, { signal: options.signal, onEvent: options.onProgress });
  return localModel(engine, name, opened);
}

/** A model that the worker has opened. */
export function localModel(engine: Engine, name: string, opened: OpenedModel): LocalModel {
  const { id, classes, notes, seen, backend } = opened;
  const threads = counted(backend.threads, "thread");
  return {
    ...{ place: "page", name, id, classes, notes, seen, turned: true },
    computes: backend.name === "webgpu" ? "in this page, on WebGPU" : `in this page, on WebAssembly with ${threads}`,
    classify: (picture, signal) => engine.call("classify", { model: id, picture, top }, { signal }),
    close: () => engine.call("close", id),
  };
}

/** Throws PageError unless the server offers to classify with it. */
export function servedModel({ name, served }: Offered): ServedModel {
  if (!served) throw new PageError(`The server does not classify with ${name}; choose another model.`);
  const { classes, view: seen, address, attention } = served;
  return {
    ...{ place: "server", name, classes, notes: [], seen, turned: seen.exif === "apply", computes: "on the server" },
    classify: (picture, signal) => ask(`./${address}?top=${top}&attention=${attention}`, picture, signal),
  };
}

async function ask(address: string, picture: Blob, signal?: AbortSignal): Promise<Answer> {
  let answer: Response;
  try {
    answer = await fetch(address, { method: "POST", body: picture, signal });
  } catch {
    if (signal?.aborted) throw new Cancelled();
    throw new PageError("The server does not answer; is it still running? A model in this page works without it.");
  }
  const body = (await answer.json().catch(() => undefined)) as (Answer & { readonly error?: string }) | undefined;
  if (answer.ok && body?.predictions) return body;
  throw new PageError(body?.error ?? `The server answered with status ${answer.status}; its log may say why.`);
}
