/** `deit serve`: classify images over HTTP. */
import { once } from "node:events";
import type { Command } from "commander";
import type { EngineChoice } from "../../engines/open.js";
import { UsageError } from "../../errors/errors.js";
import { fileError } from "../../errors/file-error.js";
import { messageOf } from "../../errors/message-of.js";
import type { ClassifierSource } from "../../library/opened-classifier.js";
import { modelNames } from "../../models/registry.js";
import { serve } from "../../server/serve.js";
import { readWhole } from "../../system/files/regular-file.js";
import { type ModelArgument, modelArguments } from "../options/model-argument.js";
import { engineOptions, wholeNumber, workersOption } from "../options/options.js";
import { interruptible } from "../output/interruption.js";
import { print, warn } from "../output/output.js";
import { modelsForm } from "../output/wording.js";

export function define(command: Command): void {
  engineOptions(command)
    .argument("<models...>", `a model's name, a run folder, weights or an ONNX file; several as ${modelsForm}`)
    .option("--host <address>", "address to listen on; 0.0.0.0 for all of this machine's", "127.0.0.1")
    .option("--port <port>", "port to listen on; 0 takes a free one", wholeNumber(0, 65535), 8000)
    .option(
      "--instances <n>",
      "copies of each model that run at the same time, sharing the threads (default: 2)",
      wholeNumber(1, 64),
    )
    .option("--max-batch <images>", "images of a batch at most", wholeNumber(1, 1024), 8)
    .option("--max-delay <ms>", "how long an image waits for others that are being decoded", wholeNumber(0), 5)
    .option("--max-requests <n>", "requests answered at the same time; others get status 503", wholeNumber(1), 256)
    .option("--max-body <MiB>", "size of a request's body at most", wholeNumber(1, 1024), 20)
    .option("--max-pixels <millions>", "pixels of an image at most, in millions", wholeNumber(1, 178), 50)
    .addOption(workersOption())
    .option(
      "--token-file <file>",
      "file with the token that requests must carry (default: the environment variable DEIT_SERVE_TOKEN, or none)",
    )
    .option("--cors <origins...>", "origins of web pages elsewhere that may send requests, such as https://example.org")
    .option("--runs <folder>", "folder of training runs, whose curves are shown at /runs as they grow")
    .option(
      "--share-weights",
      "let the page at / load the models' weights, so that it can be taught classes of its own",
    )
    .option("--json", "print one JSON value")
    .addHelpText(
      "after",
      `
POST an image to /classify, or to /models/NAME/classify. A signal to stop (Ctrl-C, SIGTERM) lets it answer what it has
received. It fetches nothing that a request names.

Examples:
  deit serve runs/photos
  deit serve deit_tiny_patch16_224 --port 8080
  deit serve small=runs/small large=runs/large`,
    )
    .action((models: string[], options: Options) =>
      interruptible((signal, ending) =>
        run(models, options, signal, () => ending.saves("answering what it has received")),
      ),
    );
}

interface Options extends EngineChoice {
  readonly host: string;
  readonly port: number;
  readonly instances?: number;
  readonly maxBatch: number;
  readonly maxDelay: number;
  readonly maxRequests: number;
  readonly maxBody: number;
  readonly maxPixels: number;
  readonly workers: number;
  readonly tokenFile?: string;
  readonly cors?: readonly string[];
  readonly runs?: string;
  readonly shareWeights?: boolean;
  readonly json?: boolean;
}

async function run(
  texts: readonly string[],
  options: Options,
  signal: AbortSignal,
  finishes: () => void,
): Promise<void> {
  const { host, port, maxBatch, maxDelay, maxRequests, maxBody, maxPixels, workers } = options;
  const token = await givenToken(options.tokenFile);
  const { engine, threads, plugin, devices, precision, instances } = options;
  const server = await serve(
    { models: sources(texts) },
    {
      engine: { engine, threads, plugin, devices, precision, onNote: warn },
      ...{ instances, host, port, maxBatch, maxDelay, maxRequests, workers: Math.max(1, workers) },
      ...{ token, origins: options.cors, runs: options.runs, shareWeights: options.shareWeights },
      ...{ maxBodyBytes: maxBody * 2 ** 20, maxPixels: maxPixels * 1e6 },
      onError: (error) => warn(`a request failed: ${messageOf(error)}`),
    },
  );
  try {
    for (const note of server.notes) warn(note);
    finishes();
    const { url, models } = server;
    print(options.json ? JSON.stringify({ url, models }) : `Serving ${models.join(", ")} at ${url}`);
    if (!signal.aborted) await once(signal, "abort");
  } finally {
    await server.close();
  }
}

/** What each argument names. Throws UsageError if two have the same name. */
function sources(texts: readonly string[]): Readonly<Record<string, ClassifierSource>> {
  const found = modelArguments(texts).map((argument) => [argument.name, sourceOf(argument)] as const);
  const repeated = found.find(([name]) => / \(\d+\)$/.test(name));
  if (repeated)
    throw new UsageError(
      `Two models are named "${repeated[0].replace(/ \(\d+\)$/, "")}"; name them apart, as in first=runs/a second=runs/b.`,
    );
  return Object.fromEntries(found);
}

const sourceOf = ({ model, weights }: ModelArgument): ClassifierSource =>
  model === undefined || modelNames().includes(weights) ? weights : { model, weights };

/** The token of a file or of the environment, which other users of this machine cannot see, unlike an option. */
async function givenToken(file: string | undefined): Promise<string | undefined> {
  const text = file === undefined ? process.env.DEIT_SERVE_TOKEN : (await readText(file)).trim();
  if (text === undefined || /^[\x21-\x7e]+$/.test(text)) return text;
  const where = file === undefined ? "The environment variable DEIT_SERVE_TOKEN" : `"${file}"`;
  throw new UsageError(
    `${where} holds no token; it must be one word of letters, digits and signs, such as the output of: openssl rand -hex 32`,
  );
}

/** More than any token. */
const mostTokenBytes = 4096;

async function readText(file: string): Promise<string> {
  try {
    return Buffer.from(await readWhole(file, mostTokenBytes)).toString("utf8");
  } catch (error) {
    throw fileError(file, "read the token in", error);
  }
}
