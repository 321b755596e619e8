/** Settings of recipes as components of the step declare them. */
import type { z } from "zod";

/** Their values. */
export type Settings<Shape extends z.ZodRawShape> = [keyof Shape] extends [never]
  ? unknown
  : Readonly<z.output<z.ZodObject<Shape>>>;
