/** What is sent and answered, as schemas: they validate requests and describe them in /openapi.json. */
import { z } from "zod";
import { cropModes } from "../data/pixels/fit.js";
import { Problem } from "./problem.js";

/** Also as text, in a query or a form. */
const flag = z.union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")]);

/** Options of a request, in the query or beside the image. */
export const classifyOptions = z.strictObject({
  top: z
    .union([
      z.number().int().min(1),
      z
        .string()
        .regex(/^[1-9]\d{0,8}$/)
        .transform(Number),
    ])
    .default(5)
    .describe("Number of most likely classes; all if there are fewer."),
  attention: flag
    .default(false)
    .describe("Whether to add the attention of the class token to the patches: true or false."),
  embedding: z
    .enum(["class", "patches"], "It must be class or patches")
    .optional()
    .describe("Whether to add a vector for the image: the input of the head (class), or the mean of the patches."),
});

/** The options of a request. */
export type ClassifyRequest = z.output<typeof classifyOptions>;

const prediction = z.object({
  label: z.string().describe("Name of the class; its index if the classes have no names."),
  score: z.number().describe("Softmax probability, between 0 and 1."),
  index: z.number().int().describe("Index of the class among the outputs."),
});

const attention = z.object({
  grid: z
    .tuple([z.number().int(), z.number().int()])
    .readonly()
    .describe("Rows and columns of patches; a map has a share for each, row by row."),
  heads: z.array(z.array(z.number())).describe("Attention in the last block, a map per head."),
  rollout: z.array(z.number()).describe("Attention through all blocks (rollout)."),
});

/** The answer to an image. */
export const classified = z.object({
  model: z.string().describe("The model that answered."),
  predictions: z.array(prediction).readonly().describe("The most likely classes, most likely first."),
  attention: attention.optional().describe("If it was asked for."),
  embedding: z.array(z.number()).optional().describe("If it was asked for."),
});

export type Classified = z.output<typeof classified>;

const three = z.tuple([z.number(), z.number(), z.number()]).readonly();

const size = z.union([z.number().int(), z.tuple([z.number().int(), z.number().int()]).readonly()]);
const perChannel = z.array(z.number()).readonly();

/** A model, as listed. */
export const modelDescription = z.object({
  name: z.string().describe("Its name in addresses."),
  classes: z.array(z.string()).readonly().optional().describe("Names of the classes in order, if known."),
  view: z
    .object({
      imageSize: size.describe("Side of a square in pixels, or [height, width]."),
      cropRatio: z.number(),
      cropMode: z.enum(cropModes),
      nativeSizes: z
        .array(size)
        .readonly()
        .optional()
        .describe("Of the crop mode native: an image is seen in the size whose shape is nearest to its own."),
      borderColor: three.optional().describe("Of the crop mode border, in bytes."),
      interpolation: z.string(),
      channels: z.number().int().describe("Of the images: 1 (grayscale), 3 (RGB) or 4 (RGBA)."),
      normalization: z.object({ mean: perChannel, std: perChannel }),
      exif: z.enum(["ignore", "apply"]),
    })
    .describe("How images are preprocessed."),
});

export type ModelDescription = z.output<typeof modelDescription>;

/** Every refused request. */
export const problem = z.object({ error: z.string().describe("What is wrong and what to do about it.") });

/** What is expected of options that may be text or not. */
const expectations: Readonly<Record<string, string>> = {
  top: "It must be a whole number, 1 or more",
  attention: "It must be true or false",
};

/** Throws Problem for the name of an option that is there twice. */
export function requireOnce(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  const times = names.filter((name) => name === twice).length;
  throw new Problem(400, `The option ${shown(twice)} is given ${times} times; give it once.`);
}

/** The options in a query. Throws Problem for one that is given twice. */
export function queryOptions(query: Readonly<Record<string, readonly string[]>>): Readonly<Record<string, string>> {
  requireOnce(Object.entries(query).flatMap(([name, values]) => values.map(() => name)));
  return Object.fromEntries(Object.entries(query).map(([name, [value]]) => [name, value]));
}

/** The options of a request. Throws Problem that names the first one that is unknown or has a wrong value. */
export function parseOptions(values: Readonly<Record<string, unknown>>): ClassifyRequest {
  const parsed = classifyOptions.safeParse(values);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const known = Object.keys(classifyOptions.shape).join(", ");
  if (issue.code === "unrecognized_keys")
    throw new Problem(400, `There is no option ${shown(issue.keys[0])}; the options are ${known}.`);
  const name = issue.path.join(".");
  const expected = issue.code === "invalid_union" ? expectations[name] : issue.message;
  throw new Problem(400, `The option ${name} is ${shown(values[name])}. ${expected}.`);
}

const shown = (value: unknown): string => (JSON.stringify(value) ?? "missing").slice(0, 80);
