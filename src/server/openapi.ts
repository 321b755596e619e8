/** The description of the interface, made from the schemas that validate it. */
import { z } from "zod";
import { classified, classifyOptions, modelDescription, problem } from "./schemas.js";

const schemaOf = (schema: z.ZodType, io: "input" | "output") => {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io, target: "openapi-3.0" });
  return rest;
};

const json = (schema: object) => ({ "application/json": { schema } });
const answer = (description: string, schema: z.ZodType) => ({ description, content: json(schemaOf(schema, "output")) });

const refusals = {
  400: "A wrong option, or a form that cannot be read",
  401: "No token, or a wrong one",
  404: "No such model",
  408: "The request was sent too slowly",
  413: "The body is too large",
  415: "The body is compressed",
  422: "The image cannot be decoded, has too many pixels, or the model has no attention or embedding",
  503: "Too much to do; try again after the seconds in Retry-After",
} as const;

const refused = Object.fromEntries(
  Object.entries(refusals).map(([status, description]) => [status, answer(description, problem)]),
);

interface ObjectSchema {
  readonly properties: Readonly<Record<string, object>>;
}

/** An OpenAPI document. `withToken`: requests need one. */
export function openApi(version: string, withToken: boolean): object {
  const { properties } = schemaOf(classifyOptions, "input") as unknown as ObjectSchema;
  const options = Object.entries(properties).map(([name, schema]) => ({ name, in: "query", required: false, schema }));
  const image = { type: "string", format: "binary", description: "An image file." };
  const classify = (parameters: readonly object[]) => ({
    post: {
      summary: "Classify an image",
      parameters: [...parameters, ...options],
      requestBody: {
        required: true,
        content: {
          "image/*": { schema: image },
          "application/octet-stream": { schema: image },
          "multipart/form-data": {
            schema: { type: "object", required: ["image"], properties: { image, ...properties } },
          },
          "application/json": {
            schema: {
              type: "object",
              required: ["image"],
              properties: { image: { type: "string", format: "byte", description: "Base64." }, ...properties },
            },
          },
        },
      },
      responses: { 200: answer("The most likely classes", classified), ...refused },
    },
  });
  const name = { name: "name", in: "path", required: true, schema: { type: "string" } };
  const get = (summary: string, responses: object, parameters: readonly object[] = []) => ({
    get: { summary, parameters, responses },
  });
  // Who watches over the server needs no token.
  const open = ({ get: operation }: ReturnType<typeof get>) => ({ get: { ...operation, security: [] } });
  const text = (description: string) => ({ description, content: { "text/plain": { schema: { type: "string" } } } });
  const status = z.object({ status: z.string() });
  return {
    openapi: "3.0.3",
    info: { title: "deit", description: "Image classification.", version },
    paths: {
      "/classify": classify([]),
      "/models/{name}/classify": classify([name]),
      "/models": get("List the models", { 200: answer("All models", z.array(modelDescription)) }),
      "/models/{name}": get("Describe a model", { 200: answer("The model", modelDescription), 404: refused[404] }, [
        name,
      ]),
      "/health": open(get("Whether the server runs", { 200: answer("It does", status) })),
      "/ready": open(
        get("Whether it takes requests", { 200: answer("It does", status), 503: answer("It is stopping", problem) }),
      ),
      "/metrics": get("Metrics in Prometheus' text format", { 200: text("Metrics") }),
    },
    ...(withToken
      ? {
          components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
          security: [{ token: [] }],
        }
      : {}),
  };
}
