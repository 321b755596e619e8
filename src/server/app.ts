/** The routes of the server, as a function from a Request to a Response. */
import type { HttpBindings } from "@hono/node-server";
import { serveStatic } from "@hono/node-server/serve-static";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { routePath } from "hono/route";
import { secureHeaders } from "hono/secure-headers";
import { version } from "../system/version.js";
import { requireLocalName, requireToken } from "./access.js";
import { type BodyLimits, readBody } from "./body.js";
import { parseForm } from "./form.js";
import type { Metrics } from "./metrics.js";
import { openApi } from "./openapi.js";
import { Problem } from "./problem.js";
import { type Classified, type ModelDescription, parseOptions, queryOptions, requireOnce } from "./schemas.js";
import type { ServedModel } from "./served-model.js";
import type { Traffic } from "./traffic.js";

/** What the routes need. */
export interface AppOptions {
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly bodies: BodyLimits;
  readonly traffic: Traffic;
  readonly metrics: Metrics;
  /** The token that requests need, if any. */
  readonly token?: string;
  /** Whether requests for names other than this machine's own are refused. */
  readonly localNamesOnly: boolean;
  /** Origins of web pages that may read answers. */
  readonly origins: readonly string[];
  /** Pages of training runs, to be shown at /runs. */
  readonly runs?: Hono;
  /** What is shown at `/`: a folder of static files, or pages. */
  readonly site: string | Hono;
  /** Called for errors that are not the client's. */
  readonly onError: (error: unknown) => void;
}

/** Addresses for whoever watches over the server, which need no token. */
const open = ["/health", "/ready"];

export function createApp(options: AppOptions): Hono {
  const { models, traffic, metrics, token } = options;
  const app = new Hono();
  app.use(measured(options));
  // Whether a domain and those below it are reached only by TLS is for the proxy that has TLS to say.
  app.use(secureHeaders({ crossOriginResourcePolicy: false, strictTransportSecurity: false }));
  if (options.localNamesOnly) app.use(requireLocalName);
  if (options.origins.length > 0) app.use(cors({ origin: [...options.origins], allowMethods: ["GET", "POST"] }));
  if (token !== undefined) app.use(requireToken(token, open));

  app.post("/classify", (context) => {
    const [first, ...others] = models.values();
    if (others.length > 0)
      throw new Problem(400, `This server has several models; POST to ${places(models).join(" or ")}.`);
    return classify(first, context, options);
  });
  app.post("/models/:name/classify", (context) =>
    classify(modelOf(models, context.req.param("name")), context, options),
  );
  app.get("/models", (context) => context.json([...models.values()].map(described)));
  app.get("/models/:name", (context) => context.json(described(modelOf(models, context.req.param("name")))));
  app.get("/health", (context) => context.json({ status: "ok" }));
  app.get("/ready", (context) => {
    if (traffic.stopping.aborted) throw new Problem(503, "The server is stopping; ask another one.");
    return context.json({ status: "ready" });
  });
  app.get("/metrics", (context) => context.text(metrics.text(), 200, { "Content-Type": "text/plain; version=0.0.4" }));
  app.get("/openapi.json", (context) => context.json(openApi(version, token !== undefined)));

  if (options.runs) app.route("/runs", options.runs);
  if (typeof options.site === "string") app.get("*", serveStatic({ root: options.site }));
  else app.route("/", options.site);

  // What is left at these addresses came by another method.
  for (const path of ["/classify", "/models/:name/classify"]) app.all(path, only("POST"));
  for (const path of ["/", "/models", "/models/:name", "/health", "/ready", "/metrics", "/openapi.json"])
    app.all(path, only("GET, HEAD"));
  if (options.runs) app.all("/runs/*", only("GET, HEAD"));
  app.notFound((context) => {
    throw new Problem(404, `There is no ${context.req.method} ${context.req.path}; /openapi.json lists what there is.`);
  });
  app.onError((error, context) => {
    if (error instanceof Problem) return context.json({ error: error.message }, error.status, error.headers);
    // Nobody reads the answer to a client that has gone.
    if (!context.req.raw.signal.aborted) options.onError(error);
    return context.json({ error: "The server failed to answer; its log says why." }, 500);
  });
  return app;
}

/** Refuses a request by a method that its address does not take. */
const only =
  (allowed: string): MiddlewareHandler =>
  (context, next) => {
    if (allowed.split(", ").includes(context.req.method)) return next();
    throw new Problem(
      405,
      `The address ${context.req.path} takes ${allowed.replace(", ", " and ")}, not ${context.req.method}.`,
      {
        Allow: allowed,
      },
    );
  };

/** Counts and times each request; tells clients to open a new connection, elsewhere, once the server is stopping. */
const measured =
  ({ metrics, traffic }: AppOptions): MiddlewareHandler =>
  async (context, next) => {
    const start = performance.now();
    await next();
    const route = routePath(context, -1);
    metrics.requests.add({ route, status: String(context.res.status) });
    metrics.requestSeconds.observe({ route }, (performance.now() - start) / 1000);
    if (traffic.stopping.aborted) context.header("Connection", "close");
  };

/** Classifies the image in the request's body. */
async function classify(model: ServedModel, context: Context, options: AppOptions): Promise<Response> {
  const { raw: request } = context.req;
  const query = queryOptions(context.req.queries());
  const early = parseOptions(query);
  return options.traffic.during(model.name, async () => {
    const body = await readBody((context.env as HttpBindings).incoming, options.bodies);
    try {
      const { image, fields } = await parseForm(body.bytes, request.headers.get("content-type") ?? "");
      requireOnce([...Object.keys(query), ...Object.keys(fields)]);
      const wanted = Object.keys(fields).length === 0 ? early : parseOptions({ ...query, ...fields });
      const answer = await model.classify(image, wanted, request.signal);
      return context.json({ model: model.name, ...answer } satisfies Classified);
    } finally {
      body.release();
    }
  });
}

const described = ({ name, classes, view }: ServedModel): ModelDescription => ({ name, classes, view });

function modelOf(models: ReadonlyMap<string, ServedModel>, name: string): ServedModel {
  const model = models.get(name);
  if (model) return model;
  throw new Problem(404, `There is no model ${JSON.stringify(name)}; there is ${[...models.keys()].join(", ")}.`);
}

const places = (models: ReadonlyMap<string, ServedModel>): string[] =>
  [...models.keys()].map((name) => `/models/${name}/classify`);
