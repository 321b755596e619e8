/** The routes of the server, as a function from a Request to a Response: testable without a socket. */
import { type Context, Hono } from "hono";
import { type BodyBudget, readBody } from "./body.js";
import { parseForm } from "./form.js";
import { busy, Problem } from "./problem.js";
import { type Classified, parseOptions } from "./schemas.js";
import type { ServedModel } from "./served-model.js";

/** What the routes need. */
export interface AppOptions {
  readonly models: ReadonlyMap<string, ServedModel>;
  /** Bytes of one body at most. */
  readonly mostBodyBytes: number;
  readonly budget: BodyBudget;
  /** Requests that are being answered at the same time. */
  readonly mostRequests: number;
  /** Called for errors that are not the client's. */
  readonly onError: (error: unknown) => void;
}

export function createApp(options: AppOptions): Hono {
  const { models } = options;
  const app = new Hono();
  let answering = 0;

  /** Classifies the image in the request's body. */
  async function classify(model: ServedModel, context: Context): Promise<Response> {
    if (answering >= options.mostRequests)
      throw busy(`${options.mostRequests} requests are waiting already; try again in a second.`);
    answering++;
    try {
      const request = context.req.raw;
      const query = parseOptions(context.req.query());
      const body = await readBody(request, options.mostBodyBytes, options.budget);
      try {
        const { image, fields } = await parseForm(body.bytes, request.headers.get("content-type") ?? "");
        const { top } = Object.keys(fields).length === 0 ? query : parseOptions({ ...context.req.query(), ...fields });
        const predictions = await model.classify(image, top, request.signal);
        return context.json({ model: model.name, predictions: [...predictions] } satisfies Classified);
      } finally {
        body.release();
      }
    } finally {
      answering--;
    }
  }

  app.post("/classify", (context) => {
    const [first, ...others] = models.values();
    if (others.length > 0)
      throw new Problem(400, `This server has several models; POST to ${places(models, "/classify").join(" or ")}.`);
    return classify(first, context);
  });
  app.post("/models/:name/classify", (context) => classify(modelOf(models, context.req.param("name")), context));
  app.get("/health", (context) => context.json({ status: "ok" }));

  app.notFound((context) => {
    throw new Problem(404, `There is no ${context.req.method} ${context.req.path}; /openapi.json lists what there is.`);
  });
  app.onError((error, context) => {
    if (error instanceof Problem) return context.json({ error: error.message }, error.status, error.headers);
    options.onError(error);
    return context.json({ error: "The server failed to answer; its log says why." }, 500);
  });
  return app;
}

function modelOf(models: ReadonlyMap<string, ServedModel>, name: string): ServedModel {
  const model = models.get(name);
  if (model) return model;
  throw new Problem(404, `There is no model ${JSON.stringify(name)}; there is ${[...models.keys()].join(", ")}.`);
}

const places = (models: ReadonlyMap<string, ServedModel>, what: string): string[] =>
  [...models.keys()].map((name) => `/models/${name}${what}`);
