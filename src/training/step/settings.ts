/** Recipe settings as declared by components of the step. */
import { z } from "zod";

/** A fraction from 0 to 1. */
export const share = z.number().min(0).max(1);

/** A fraction for which 1 would be meaningless: averages that never move, labels without information. */
export const belowOne = z.number().min(0).lt(1);

/** Their values. */
export type Settings<Shape extends z.ZodRawShape> = [keyof Shape] extends [never]
  ? unknown
  : Readonly<z.output<z.ZodObject<Shape>>>;
