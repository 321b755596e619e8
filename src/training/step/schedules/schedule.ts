/** Learning-rate schedules: their settings in a recipe, and the rate after the common warm-up. */
import type { z } from "zod";
import type { Settings } from "../settings.js";

/** Inputs of every schedule; counts are in epochs, fractions allowed. */
export type Rates = {
  /** Rate after warm-up. */
  readonly lr: number;
  /** Epochs of the schedule; after them the rate keeps its final value. */
  readonly epochs: number;
  readonly warmupEpochs: number;
  readonly warmupLr: number;
  readonly minLr: number;
  /** Times that evaluations have let the rate fall so far (`plateau`). */
  readonly falls?: number;
};

/** A schedule that recipes can name: an entry of the table in `index.ts`. */
export interface ScheduleKind<Shape extends z.ZodRawShape> {
  /** Settings of a recipe that it alone reads. */
  readonly settings: Shape;
  /** Whether it decreases to `minLr`, which then must not be above the rate. */
  readonly reachesMinLr: boolean;
  /** The rate at an epoch after the warm-up. */
  rate(settings: Rates & Settings<Shape>, epoch: number): number;
}

/** Infers the settings' types. */
export const scheduleKind = <Shape extends z.ZodRawShape>(kind: ScheduleKind<Shape>): ScheduleKind<Shape> => kind;
