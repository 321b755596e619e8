/** Losses against labels: their settings in a recipe, and the loss. */
import type { z } from "zod";
import type { Tensor } from "../../../tensor/index.js";
import type { Settings } from "../settings.js";

/** From logits and targets, both float32 `[batch, classes]`, to a scalar. */
export type Loss = (logits: Tensor, target: Tensor) => Tensor;

/** A loss that recipes can name: an entry of the table in `index.ts`. */
export interface LossKind<Shape extends z.ZodRawShape> {
  /** Recipe settings that it alone reads. */
  readonly settings: Shape;
  /** `weights` are those of the classes, float32 `[1, classes]`, if they count differently. */
  build(settings: Settings<Shape>, weights?: Tensor): Loss;
}

/** Infers the settings' types. */
export const lossKind = <Shape extends z.ZodRawShape>(kind: LossKind<Shape>): LossKind<Shape> => kind;
