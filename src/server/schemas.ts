/** What is sent and answered, as schemas: they validate requests and describe them in /openapi.json. */
import { z } from "zod";
import { Problem } from "./problem.js";

/** Options of a request, in the query or beside the image. */
export const classifyOptions = z.strictObject({
  top: z.coerce.number().int().min(1).max(100_000).default(5).describe("Number of most likely classes."),
});

export type ClassifyRequest = z.output<typeof classifyOptions>;

const prediction = z.object({
  label: z.string().describe("Name of the class; its index if the classes have no names."),
  score: z.number().describe("Softmax probability, between 0 and 1."),
  index: z.number().int().describe("Index of the class among the outputs."),
});

export const classified = z.object({
  model: z.string().describe("The model that answered."),
  predictions: z.array(prediction).describe("The most likely classes, most likely first."),
});

export type Classified = z.output<typeof classified>;

/** The options of a request. Throws Problem that names the first one that is unknown or has a wrong value. */
export function parseOptions(values: Readonly<Record<string, unknown>>): ClassifyRequest {
  const parsed = classifyOptions.safeParse(values);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const known = Object.keys(classifyOptions.shape).join(", ");
  if (issue.code === "unrecognized_keys")
    throw new Problem(400, `There is no option ${JSON.stringify(issue.keys[0])}; the options are ${known}.`);
  const name = issue.path.join(".");
  throw new Problem(400, `The option ${name} is ${JSON.stringify(values[name])}: ${issue.message}.`);
}
