/** A distillation mode: the teacher outputs that it needs, and the loss that it adds (paper, section 4). */
import { z } from "zod";
import type { Tensor } from "../../../tensor/index.js";
import type { Loss } from "../losses/loss.js";
import { type Settings, share } from "../settings.js";

/** Which teacher outputs for a batch a mode needs. */
export type AnswerKind = "labels" | "logits";

/** A teacher's logits, with its share of the mean of several. */
export interface SharedLogits {
  /** float32 `[batch, classes]`. */
  readonly logits: Tensor;
  /** Above 0; the shares of all teachers sum to 1. */
  readonly share: number;
}

/** Teacher outputs: of one teacher, or of several whose probabilities are averaged. */
export type TeacherAnswer =
  | {
      /** What the tensor holds. */
      readonly kind: AnswerKind;
      /** float32 `[batch, classes]` for logits, int32 `[batch]` for labels. */
      readonly tensor: Tensor;
    }
  | {
      /** The mean of several teachers. */
      readonly kind: "mean";
      /** Its teachers. */
      readonly of: readonly SharedLogits[];
    };

const weight = z.number().min(0);

/** Settings of a recipe that several modes read. */
export const shared = {
  distillationAlpha: share.default(0.5).meta({
    description: "Weight α of the distillation loss; the loss against the labels has 1 − α.",
  }),
  taskLossWeight: weight.optional().meta({
    description:
      "Weight of the loss against the labels, instead of `distillationAlpha`. Default: 1 beside `distillationLossWeight`.",
    timm: "task-loss-weight",
  }),
  distillationLossWeight: weight.optional().meta({
    description:
      "Weight of the distillation loss, instead of `distillationAlpha`. Default: 1 − `taskLossWeight` beside that.",
    timm: "distill-loss-weight",
  }),
  distillationOn: z.enum(["auto", "distillation", "class"]).default("auto").meta({
    description: "Head that learns from the teacher; `auto`: that of the distillation token if there is one.",
  }),
};

type Shared = Settings<typeof shared>;

/** Temperature of the modes that soften distributions. */
export const temperature = {
  distillationTau: z.number().positive().default(1).meta({
    description: "Temperature of `soft`, `decoupled` and `normalized` distillation.",
    timm: "kd-temperature",
  }),
};

/** Constants of every mode that adds a loss. */
export interface Weighted {
  /** Weight α of the distillation loss. */
  readonly alpha: number;
  /** Weight of the loss against the labels (default: 1 − α). */
  readonly task?: number;
  /** Which head learns from the teacher. */
  readonly on?: "distillation" | "class";
}

/**
 * The weights of both losses. A recipe that gives one of them has the other by timm's rule: the distillation loss has
 * what the task's leaves of 1, the task's loss 1. Without either they are the paper's, α and 1 − α.
 */
export function weightsOf({
  distillationAlpha,
  taskLossWeight: task,
  distillationLossWeight: distillation,
}: Shared): Omit<Weighted, "on"> {
  if (distillation !== undefined) return { alpha: distillation, task: task ?? 1 };
  return task === undefined ? { alpha: distillationAlpha } : { alpha: 1 - task, task };
}

/** What a batch is learnt from besides the student's logits. */
export interface Lessons {
  /** Class distributions, float32 `[batch, classes]`. */
  readonly target: Tensor;
  readonly loss: Loss;
  /** For a mode that needs one. */
  readonly answer?: TeacherAnswer;
  /** Weights of the classes that a teacher decides on, float32 `[1, classes]`. */
  readonly weights?: Tensor;
}

/** A mode that recipes can name: an entry of the table in `index.ts`. */
export interface DistillationMode<Shape extends z.ZodRawShape = z.ZodRawShape, Options = unknown> {
  /** Which teacher outputs it learns from; undefined without a teacher. */
  readonly needs?: AnswerKind;
  /** Settings of a recipe that it reads besides those of all. */
  readonly settings: Shape;
  /** Its constants; `on` is the head that learns. */
  options(settings: Shared & Settings<Shape>, on: "distillation" | "class"): Options;
  /**
   * The loss that it adds, of the student's distilled logits `[batch, classes]`; absent if it adds none. Modes that need
   * a teacher give that of each image, `[batch]`; others a scalar.
   */
  loss?(student: Tensor, lessons: Lessons, options: Options): Tensor;
}

/** Infers the types of settings and constants. */
export const distillationMode = <Shape extends z.ZodRawShape, Options>(
  mode: DistillationMode<Shape, Options>,
): DistillationMode<Shape, Options> => mode;
