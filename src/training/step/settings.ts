/** Settings of recipes as components of the step declare them. */
import { z } from "zod";

/** A share. */
export const share = z.number().min(0).max(1);

/** A share that 1 would make meaningless: averages that never move, labels that say nothing. */
export const belowOne = z.number().min(0).lt(1);

/** Their values. */
export type Settings<Shape extends z.ZodRawShape> = [keyof Shape] extends [never]
  ? unknown
  : Readonly<z.output<z.ZodObject<Shape>>>;
