/** `serve`: classifiers behind an HTTP server. */
import { availableParallelism } from "node:os";
import { DeitError, UsageError } from "../errors/errors.js";
import {
  aBoolean,
  aFunction,
  type Check,
  checkOptions,
  type OptionChecks,
  strings,
  wholeFrom,
} from "../errors/options.js";
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
import type { RunsRoutes } from "./pages/runs-routes.js";
import { playgroundRoutes } from "./playground/routes.js";
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
  /** Requests for one model that are answered at the same time; further ones get status 503 (default: 256). */
  readonly maxRequests?: number;
  /** Bytes of a request's body at most (default: 20 MiB). */
  readonly maxBodyBytes?: number;
  /** Pixels of an image at most (default: 50 million). */
  readonly maxPixels?: number;
  /** Milliseconds that decoding an image may take (default: 10,000). */
  readonly decodeTimeout?: number;
  /** Milliseconds in which a client must have sent its request (default: 30,000). */
  readonly requestTimeout?: number;
  /** The token that requests must carry, as `Authorization: Bearer TOKEN` (default: none is needed). */
  readonly token?: string;
  /** Origins of web pages elsewhere that may send requests, such as `https://example.org` (default: none). */
  readonly origins?: readonly string[];
  /** Folder of training runs that are shown at /runs (default: none are). */
  readonly runs?: string;
  /** Folder of static files that are shown at `/`, such as a web page of yours (default: the playground). */
  readonly site?: string;
  /**
   * Whether the playground may load the models' weights, so that it can classify and be taught without the server; whoever
   * reaches the server can then download them (default: false).
   */
  readonly shareWeights?: boolean;
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
  checkOptions("serve", options, serveOptions);
  const sources = Object.entries(named(source));
  const closing = new Closing();
  try {
    const { engines, notes, close } = await openInstances(options.engine, options.instances);
    closing.add(close);
    const memory = new SharedMemory();
    const decoding = new Decoding({ workers, maxPixels, memory, timeLimit: options.decodeTimeout ?? 10_000 });
    closing.add(() => decoding.close());
    const traffic = new Traffic(maxRequests);
    closing.add(() => traffic.stop());
    const runs = options.runs === undefined ? undefined : await runsPages(options.runs, traffic.stopping);
    closing.add(() => runs?.close());
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
    for (const [name, each] of sources) {
      const model = await ServedModel.open(name, each, surroundings).catch((error) => {
        throw error instanceof DeitError && sources.length > 1
          ? error.after(`The model "${name}" cannot be served`)
          : error;
      });
      closing.add(() => model.dispose());
      models.set(name, model);
    }
    const app = createApp({
      site:
        options.site ??
        playgroundRoutes({ models, runs: options.runs !== undefined, shareWeights: options.shareWeights ?? false }),
      runs: runs?.routes,
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
      notes: [...notes, ...openTo(host, options.token), ...[...models.values()].flatMap(({ notes }) => notes)],
      close: () => closing.close(),
    };
  } catch (error) {
    await closing.close();
    throw error;
  }
}

/** A note on a server that others can reach and that asks nobody for a token. */
const openTo = (host: string, token: string | undefined): readonly string[] =>
  token !== undefined || isLoopback(host)
    ? []
    : [`Everyone who can reach "${host}" may use this server, since it has no token.`];

/** Loaded only if wanted: plots and reports are a large part of the program. */
async function runsPages(root: string, stopping: AbortSignal): Promise<RunsRoutes> {
  await findRuns(root); // a folder that is not there is an error now
  return (await import("./pages/runs-routes.js")).runsRoutes(root, stopping);
}

const word: Check = {
  allows: (value) => typeof value === "string" && value !== "",
  expected: "a text that is not empty",
};

const serveOptions: OptionChecks<ServeOptions> = {
  ...{ host: word, port: wholeFrom(0), engine: undefined, instances: wholeFrom(1), workers: wholeFrom(1) },
  ...{ maxBatch: wholeFrom(1), maxDelay: wholeFrom(0), maxRequests: wholeFrom(1), maxBodyBytes: wholeFrom(1) },
  ...{ maxPixels: wholeFrom(1), decodeTimeout: wholeFrom(1), requestTimeout: wholeFrom(1) },
  ...{ token: word, origins: strings, runs: word, site: word, shareWeights: aBoolean, onError: aFunction },
};

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
