/** The run's log: one JSON object per line, each of a kind below. Documented in docs/run-folder.md. */
import { z } from "zod";
import { fileError } from "../../errors/file-error.js";
import { readText } from "../../system/files/regular-file.js";
import { tryJson } from "../../system/text/json.js";

const count = z.number().int().min(0);
/** JSON has no NaN and no infinity; they are written as null. */
const measured = z.number().nullable();

/** Every line has the time when it was written. */
const line = <K extends string, S extends z.ZodRawShape>(kind: K, shape: S) =>
  z.object({
    time: z.iso.datetime().describe("When the line was written (ISO 8601, UTC)."),
    kind: z.literal(kind).describe("Kind of the line."),
    ...shape,
  });

const testResultSchema = z.object({
  top1: z.number().describe("Images whose most likely class is right, in percent."),
  top5: z.number().describe("Images whose class is among the five most likely, in percent."),
  loss: measured.describe("Mean cross-entropy; null if it was not finite."),
  map: z
    .number()
    .optional()
    .describe(
      "Of images with several labels: mean average precision in percent; top-1 and top-5 count any of them as right.",
    ),
  meanClassTop1: z
    .number()
    .optional()
    .describe("Mean of the classes' top-1 in percent, where it decides on the best epoch (`evalMetric`)."),
  images: count.describe("Number of images."),
});

/** Where a run is, which many lines say. */
const epoch = count.describe("Completed epochs.");
const step = count.describe("Completed optimizer steps.");
const runs = count.describe("Completed runs of the program in the current epoch.");
const lr = z.number().describe("Learning rate of the last step.");

/** Zod schema of a line of `log.jsonl`. */
export const logSchema = z.discriminatedUnion("kind", [
  /** A process starts writing: what its results may depend on besides the recipe. */
  line("environment", {
    node: z.string().describe("Version of Node."),
    v8: z.string().describe("Version of V8."),
    system: z.string().describe("Operating system and its version."),
    processor: z.string().describe("Model of the processor."),
    engine: z.string().describe('"onnx" or "xla".'),
    platform: z.string().describe('Kind of device, such as "cpu" or "cuda".'),
    version: z.string().describe("Version of the engine's runtime or plugin."),
    devices: count.describe("Number of devices of all processes."),
    threads: count.optional().describe("Threads that compute, for an engine on the CPU."),
    precisions: z.array(z.string()).describe("Number formats that the engine offers."),
  }),
  /** A process resumes the run; lines of earlier processes beyond this position are void. */
  line("resumed", {
    epoch,
    step,
    runs,
    changed: z
      .record(
        z.string(),
        z.object({ from: z.unknown().describe("Value before."), to: z.unknown().describe("Value from now on.") }),
      )
      .describe("Settings that differ from the previous ones, by name."),
  }),
  /** An epoch is done. */
  line("epoch", {
    epoch,
    step,
    lr,
    trainLoss: measured.describe("Mean loss over the epoch; null if it was not finite."),
    lossParts: z
      .object({
        task: measured.describe("Loss against the labels."),
        distillation: measured.optional().describe("Loss against the teacher's predictions."),
        features: measured.optional().describe("Distance of layers of student and teacher (`features`)."),
        consistency: measured
          .optional()
          .describe("Divergence of the predictions for the pictures of an image (`augmentationSplits`)."),
      })
      .optional()
      .describe("Parts of the mean loss, each with its weight; absent if there is only one."),
    trainTop1: measured.describe("Training views classified right, as augmented, in percent."),
    test: testResultSchema.optional().describe("Result on the part that the run is measured on."),
    imagesPerSecond: z.number().describe("Training images per second over the whole epoch."),
    loaderWait: z.number().describe("Share of the epoch's time spent waiting for data, between 0 and 1."),
    checkpointWait: z.number().describe("Share of the epoch's time spent waiting for checkpoints, between 0 and 1."),
    seconds: z.number().describe("Duration of the epoch without its evaluation."),
  }),
  /** Something that the user should know but that did not stop training. */
  line("warning", {
    message: z.string().describe("A sentence for the user."),
    about: z.string().optional().describe('"loss jump" if it concerns one.'),
  }),
  /** Loss, gradients or teacher outputs in the step were not finite. */
  line("broken", {
    what: z.enum(["loss", "gradients", "teacher"]).describe("What was not finite."),
    loss: measured.describe("The loss; null if it was not finite."),
    gradientNorm: measured.describe("Norm of all gradients; null if it was not finite."),
    lr,
    epoch: count.describe("The epoch, counted from 1."),
    step: count.describe("The step, counted from 1."),
    run: count.describe("The run of the program in the epoch, counted from 0."),
    first: z.string().describe("The first tensor that is not finite, in the order of computation."),
    onNaN: z.enum(["stop", "skip", "rollback"]).describe("What happens next."),
    samples: z
      .array(count)
      .describe("Indices of the batch's samples in the dataset; their names are in the file `diagnosis`."),
    diagnosis: z.string().describe("Name of that file in the run folder."),
  }),
  /** The run returned to a saved state. */
  line("rollback", {
    epoch,
    step,
    runs,
    attempt: count.describe("Number of returns so far in this epoch."),
    rateFactor: z.number().describe("Factor on the learning rate until the epoch ends."),
  }),
  /** The process ends before the run is done; its state is saved. */
  line("stopped", { reason: z.string().describe("Why, such as the signal."), epoch, step, runs }),
  /** The run is done. */
  line("finished", {
    epoch,
    step,
    stoppedEarly: z
      .boolean()
      .optional()
      .describe("Whether evaluations brought nothing better for so long that it ended early (`patience`)."),
    bestMap: z
      .number()
      .optional()
      .describe("The best mean average precision of an epoch, in percent, if images have several labels."),
    bestTop1: z.number().optional().describe("The best accuracy of an epoch, in percent; absent if none was measured."),
    test: testResultSchema
      .optional()
      .describe("Result of the best weights on the test part, if they were chosen on a different one."),
  }),
]);

/** A line of `log.jsonl`, by its `kind`. */
export type LogLine = z.infer<typeof logSchema>;

/** A line as passed to the log, which adds the time. */
export type LogEntry = LogLine extends infer L ? (L extends LogLine ? Omit<L, "time"> : never) : never;

/** Maximum bytes of a log: a million epochs of about 400 bytes. */
const largest = 400 * 2 ** 20;

/**
 * All valid lines of a log. Incomplete lines (of a killed process) and lines of unknown kinds are omitted, and so are
 * epochs that were repeated after a resume or a rollback.
 *
 * @example
 * ```ts
 * import { readLog } from "deit";
 *
 * for (const line of await readLog("runs/photos/log.jsonl"))
 *   if (line.kind === "epoch") console.log(line.epoch, line.trainLoss, line.test?.top1);
 * ```
 */
export async function readLog(path: string): Promise<LogLine[]> {
  const text = await readText(path, largest).catch((error) => {
    throw fileError(path, "read the log", error);
  });
  const lines: LogLine[] = [];
  for (const json of text.split("\n")) {
    const parsed = logSchema.safeParse(tryJson(json, { items: 10_000 }));
    if (!parsed.success) continue;
    const now = parsed.data;
    if (now.kind === "resumed" || now.kind === "rollback")
      for (let i = lines.length - 1; i >= 0; i--) {
        const earlier = lines[i];
        if (earlier.kind === "epoch" && earlier.epoch > now.epoch) lines.splice(i, 1);
      }
    lines.push(now);
  }
  return lines;
}
