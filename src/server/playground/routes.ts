/** The playground at `/`, with what it uses: ONNX Runtime and, if they are shared, the weights of the models. */
import { join } from "node:path";
import { Readable } from "node:stream";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono, type MiddlewareHandler } from "hono";
import { Problem } from "../problem.js";
import type { ServedModel } from "../served-model.js";
import type { Catalogue, Offered } from "./catalogue.js";
import { pageFolder, runtimeFiles, runtimeFolder } from "./files.js";
import { type WeightsFile, weightsFile } from "./weights-file.js";

export interface PlaygroundOptions {
  readonly models: ReadonlyMap<string, ServedModel>;
  /** Whether there are pages of training runs. */
  readonly runs: boolean;
  /** Whether pages may load the models' weights. */
  readonly shareWeights: boolean;
}

/**
 * Lets a page compute with threads (cross-origin isolation), load nothing from elsewhere and run no code but its own. The
 * page states the same policy for hosts that send no headers.
 */
const isolated: MiddlewareHandler = async (context, next) => {
  await next();
  const { headers } = context.res;
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  headers.set("Content-Security-Policy", policy);
  headers.set("Cache-Control", /^\/assets\//.test(context.req.path) ? "max-age=31536000, immutable" : "no-cache");
};

const policy = [
  ...["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "worker-src 'self' blob:", "connect-src 'self'"],
  ...["img-src 'self' blob: data:", "media-src 'self' blob:", "style-src 'self'", "manifest-src 'self'"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join("; ");

export function playgroundRoutes({ models, runs, shareWeights }: PlaygroundOptions): Hono {
  const runtime = runtimeFolder();
  const files = new Map<string, WeightsFile>();
  if (shareWeights && runtime !== undefined)
    for (const [name, { classes, view, inside }] of models)
      if (inside) files.set(name, weightsFile({ model: inside.model, classes, view }, inside.weights));
  const catalogue: Catalogue = {
    models: [...models.values()].map((model) => offered(model, files.get(model.name))),
    runs: runs ? "runs" : undefined,
    runtime: runtime !== undefined,
  };
  const root = pageFolder();
  const app = new Hono();
  app.get("/playground.json", isolated, (context) => context.json(catalogue));
  app.get("/models/:name/weights", isolated, (context) => {
    const file = files.get(context.req.param("name"));
    if (!file) throw new Problem(404, "This server gives out no weights of a model of that name.");
    return sent(file, context.req.header("if-none-match"));
  });
  for (const name of runtimeFiles)
    app.get(`/ort/${name}`, isolated, async (context, next) => {
      if (runtime === undefined) throw new Problem(404, "onnxruntime-web is not installed on this server.");
      return serveStatic({ path: join(runtime, name) })(context, next);
    });
  app.get("/", isolated, serveStatic({ path: join(root, "index.html") }));
  for (const path of ["/assets/*", "/:file{[\\w.-]+\\.(?:html|js|svg|webmanifest)}"])
    app.get(path, isolated, serveStatic({ root }));
  return app;
}

const offered = ({ name, classes, view, inside }: ServedModel, file?: WeightsFile): Offered => ({
  name,
  served: {
    address: `models/${name}/classify`,
    attention: inside?.model.tokens !== undefined,
    view: { imageSize: view.imageSize, cropRatio: view.cropRatio, cropMode: view.cropMode, exif: view.exif },
    classes,
  },
  weights: file && { address: `models/${name}/weights`, bytes: file.bytes },
});

/** Named by its contents, so that a page does not load again what it has. */
function sent(file: WeightsFile, known: string | undefined): Response {
  const headers = { ETag: `"${file.sha256}"`, "Content-Type": "application/octet-stream" };
  if (known === headers.ETag) return new Response(null, { status: 304, headers });
  const body = Readable.toWeb(Readable.from(file.chunks)) as ReadableStream<Uint8Array>;
  return new Response(body, { headers: { ...headers, "Content-Length": String(file.bytes) } });
}
