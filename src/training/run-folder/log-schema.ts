/** The run's log: one JSON object per line, each of a kind below. Documented in docs/run-folder.md. */
import { z } from "zod";
import { fileError } from "../../errors/file-error.js";
import { readText } from "../../system/files/regular-file.js";
import { tryJson } from "../../system/text/json.js";

const count = z.number().int().min(0);
/** JSON has no NaN and no infinity; they are written as null. */
const measured = z.number().nullable();

/** Every line has the time when it was written (ISO 8601, UTC). */
const line = <K extends string, S extends z.ZodRawShape>(kind: K, shape: S) =>
  z.object({ time: z.iso.datetime(), kind: z.literal(kind), ...shape });

const testResultSchema = z.object({
  /** Percent. */
  top1: z.number(),
  top5: z.number(),
  loss: measured,
  images: count,
});

/** Zod schema of a line of `log.jsonl`. */
export const logSchema = z.discriminatedUnion("kind", [
  /** A process starts writing: what its results may depend on besides the recipe. */
  line("environment", {
    node: z.string(),
    v8: z.string(),
    system: z.string(),
    processor: z.string(),
    engine: z.string(),
    platform: z.string(),
    version: z.string(),
    devices: count,
    threads: count.optional(),
    precisions: z.array(z.string()),
  }),
  /** A process resumes the run; lines of earlier processes beyond this position are void. */
  line("resumed", {
    epoch: count,
    step: count,
    runs: count,
    /** Settings that differ from the previous ones, by name. */
    changed: z.record(z.string(), z.object({ from: z.unknown(), to: z.unknown() })),
  }),
  /** An epoch is done. */
  line("epoch", {
    epoch: count,
    step: count,
    lr: z.number(),
    trainLoss: measured,
    trainTop1: measured,
    test: testResultSchema.optional(),
    imagesPerSecond: z.number(),
    /** Shares of the epoch's time: waiting for data, and for checkpoints. */
    loaderWait: z.number(),
    checkpointWait: z.number(),
    seconds: z.number(),
  }),
  /** Something that the user should know but that did not stop training. */
  line("warning", { message: z.string(), about: z.string().optional() }),
  /** Loss, gradients or teacher outputs in the step were not finite. */
  line("broken", {
    what: z.enum(["loss", "gradients", "teacher"]),
    loss: measured,
    gradientNorm: measured,
    lr: z.number(),
    epoch: count,
    step: count,
    run: count,
    /** The first tensor that is not finite, in the order of computation. */
    first: z.string(),
    /** What happens next. */
    onNaN: z.enum(["stop", "skip", "rollback"]),
    /** Indices of the batch's samples in the dataset; their names are in the file `diagnosis`. */
    samples: z.array(count),
    diagnosis: z.string(),
  }),
  /** The run returned to a saved state. */
  line("rollback", { epoch: count, step: count, runs: count, attempt: count, rateFactor: z.number() }),
  /** The process ends before the run is done; its state is saved. */
  line("stopped", { reason: z.string(), epoch: count, step: count, runs: count }),
  /** The run is done. */
  line("finished", {
    epoch: count,
    step: count,
    bestTop1: z.number().optional(),
    /** Result of the best weights on the test part, if they were chosen on a different one. */
    test: testResultSchema.optional(),
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
