/** `serve`: classifiers behind an HTTP server. */
import { availableParallelism } from "node:os";
import type { Hono } from "hono";
import { UsageError } from "../errors/errors.js";
import type { EngineOption } from "../library/engine.js";
import type { ClassifierSource } from "../library/opened-classifier.js";
import { Closing } from "../system/closing.js";
import { findRuns } from "../training/run-folder/summary.js";
import { isLoopback } from "./access.js";
import { createApp } from "./app.js";
import { BodyBudget } from "./body.js";
import { Decoding } from "./decoding.js";
import { openInstances } from "./instances.js";
import { listen } from "./listening.js";
import { Metrics } from "./metrics.js";
import { ServedModel } from "./served-model.js";
import { SharedMemory } from "./shared-memory.js";
import { Traffic } from "./traffic.js";

/** Several models, by the names under which they are served. */
export interface ServedModels {
  /** What each name in an address stands for. */
  readonly models: Readonly<Record<string, ClassifierSource>>;
}

/** How models are served. */
export interface ServeOptions {
  /** The address to listen on (default: 127.0.0.1, which only this machine can reach). */
  readonly host?: string;
  /** The port to listen on (default: 8000); 0 takes a free one. */
  readonly port?: number;
  /** The engine (default: `auto`). One that is already open is not closed with the server. */
  readonly engine?: EngineOption;
  /** Copies of each model that run at the same time, each with its share of the engine's threads (default: 2). */
  readonly instances?: number;
  /** Threads that decode images (default: one less than there are processors). */
  readonly workers?: number;
  /** Images of a batch at most (default: 8). */
  readonly maxBatch?: number;
  /** Milliseconds that an image waits at most for others that are being decoded (default: 5). */
  readonly maxDelay?: number;
  /** Requests that are answered at the same time; further ones get status 503 (default: 256). */
  readonly maxRequests?: number;
  /** Bytes of a request's body at most (default: 20 MiB). */
  readonly maxBodyBytes?: number;
  /** Pixels of an image at most (default: 50 million). */
  readonly maxPixels?: number;
  /** Milliseconds in which a client must have sent its request (default: 30,000). */
  readonly requestTimeout?: number;
  /** The token that requests must carry, as `Authorization: Bearer TOKEN` (default: none is needed). */
  readonly token?: string;
  /** Origins of web pages elsewhere that may send requests, such as `https://example.org` (default: none). */
  readonly origins?: readonly string[];
  /** Folder of training runs that are shown at /runs (default: none are). */
  readonly runs?: string;
  /** Folder of static files that are shown at `/`, such as a web page of yours (default: a small page to try it). */
  readonly site?: string;
  /** Called for errors that are not a client's, which gets status 500. */
  readonly onError?: (error: unknown) => void;
}

/** A server that is listening. */
export interface RunningServer {
  /** Its address, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Names of its models. */
  readonly models: readonly string[];
  /** Notes on how weights were interpreted. */
  readonly notes: readonly string[];
  /** Stops accepting requests, answers those in flight, and frees the models. */
  close(): Promise<void>;
}

/** Bodies in memory together, in units of the largest one. */
const bodiesInMemory = 16;

/**
 * Serves one classifier, or several under names, over HTTP; resolves when it is listening. Throws a DeitError if a model
 * cannot be opened, or UsageError if the address is not available.
 *
 * @example
 * ```js
 * import { serve } from "deit/server";
 *
 * const server = await serve("runs/photos", { port: 8000 });
 * console.log(server.url);
 * await server.close();
 * ```
 */
export async function serve(
  source: ClassifierSource | ServedModels,
  options: ServeOptions = {},
): Promise<RunningServer> {
  const { host = "127.0.0.1", port = 8000, maxBodyBytes = 20 * 2 ** 20, maxRequests = 256 } = options;
  const { workers = Math.max(1, availableParallelism() - 1), maxPixels = 50_000_000 } = options;
  requireSensible(options);
  const closing = new Closing();
  try {
    const { engines, notes, close } = await openInstances(options.engine, options.instances);
    closing.add(close);
    const decoding = new Decoding(workers, maxPixels);
    closing.add(() => decoding.close());
    const memory = new SharedMemory();
    const traffic = new Traffic(maxRequests);
    const metrics = new Metrics(() => traffic.inFlight);
    const surroundings = {
      ...{ engines, decoding, memory },
      onBatch: (model: string, images: number, seconds: number) => {
        metrics.batchImages.observe({ model }, images);
        metrics.batchSeconds.observe({ model }, seconds);
      },
      limits: { mostInputs: options.maxBatch ?? 8, longestWait: options.maxDelay ?? 5 },
    };
    const models = new Map<string, ServedModel>();
    for (const [name, each] of Object.entries(named(source))) {
      const model = await ServedModel.open(name, each, surroundings);
      closing.add(() => model.dispose());
      models.set(name, model);
    }
    const app = createApp({
      site: options.site,
      runs: options.runs === undefined ? undefined : await runsPages(options.runs, traffic.stopping),
      ...{ models, traffic, metrics, token: options.token, origins: options.origins ?? [] },
      localNamesOnly: isLoopback(host) && options.token === undefined,
      bodies: { mostBytes: maxBodyBytes, budget: new BodyBudget(bodiesInMemory * maxBodyBytes), memory },
      onError: options.onError ?? (() => undefined),
    });
    const listening = await listen(app.fetch, { host, port, requestTimeout: options.requestTimeout ?? 30_000 });
    closing.add(() => {
      traffic.stop();
      return listening.close();
    });
    return {
      url: listening.url,
      models: [...models.keys()],
      notes: [...notes, ...[...models.values()].flatMap(({ notes }) => notes)],
      close: () => closing.close(),
    };
  } catch (error) {
    await closing.close();
    throw error;
  }
}

/** Loaded only if wanted: plots and reports are a large part of the program. */
async function runsPages(root: string, stopping: AbortSignal): Promise<Hono> {
  await findRuns(root); // a folder that is not there is an error now
  return (await import("./pages/runs-routes.js")).runsRoutes(root, stopping);
}

const least = {
  ...{ port: 0, instances: 1, workers: 1, maxBatch: 1, maxDelay: 0, maxRequests: 1 },
  ...{ maxBodyBytes: 1, maxPixels: 1, requestTimeout: 1 },
} as const satisfies Readonly<Partial<Record<keyof ServeOptions, number>>>;

function requireSensible(options: ServeOptions): void {
  for (const [name, from] of Object.entries(least)) {
    const value = options[name as keyof typeof least];
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= from))
      throw new UsageError(`${name} is ${value}; give a whole number, ${from} or more.`);
  }
  if (options.token === "") throw new UsageError("The token is empty; give one, or leave it out.");
}

/** Names that need no escaping in an address. */
const plainName = /^[\w.-]+$/;

function named(source: ClassifierSource | ServedModels): Readonly<Record<string, ClassifierSource>> {
  if (typeof source === "string" || !("models" in source)) return { model: source };
  const names = Object.keys(source.models);
  if (names.length === 0) throw new UsageError("There is no model to serve; give at least one.");
  const odd = names.find((name) => !plainName.test(name));
  if (odd !== undefined)
    throw new UsageError(
      `${JSON.stringify(odd)} cannot be the name of a served model; use letters, digits, "-", "_" and ".".`,
    );
  return source.models;
}
