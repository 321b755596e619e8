/** What a learning-rate schedule is: its settings in a recipe, and the rate after the warm-up that all share. */
import type { z } from "zod";
import type { Settings } from "../settings.js";

/** What every schedule knows; counts are in epochs, fractions allowed. */
export type Rates = {
  /** Rate after warm-up. */
  readonly lr: number;
  /** Epochs of the schedule; after them the rate stays where it ended. */
  readonly epochs: number;
  readonly warmupEpochs: number;
  readonly warmupLr: number;
  readonly minLr: number;
};

/** A schedule that recipes can name: an entry of the table in `index.ts`. */
export interface ScheduleKind<Shape extends z.ZodRawShape> {
  /** Settings of a recipe that it alone reads. */
  readonly settings: Shape;
  /** Whether it goes down to `minLr`, which then must not be above the rate. */
  readonly reachesMinLr: boolean;
  /** The rate at an epoch from the end of the warm-up on. */
  rate(settings: Rates & Settings<Shape>, epoch: number): number;
}

/** Infers the settings' types. */
export const scheduleKind = <Shape extends z.ZodRawShape>(kind: ScheduleKind<Shape>): ScheduleKind<Shape> => kind;
