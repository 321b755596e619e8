/** The families of models: one file and one line each. */
import { deitFamily } from "./deit.js";
import { deit3Family } from "./deit3.js";
import type { ModelFamily, Together } from "./family.js";
import { linearFamily } from "./linear.js";
import { regnetyFamily } from "./regnety.js";
import { vitFamily } from "./vit.js";

export const families = { deitFamily, deit3Family, vitFamily, linearFamily, regnetyFamily };

type Families = typeof families;
type OptionsOf<F> = F extends ModelFamily<infer Options> ? Options : never;

/** Options of all families. */
export interface AllOptions extends Together<{ [K in keyof Families]: OptionsOf<Families[K]> }[keyof Families]> {}

/** Options that every model understands; the rest are those of its family. */
export type ModelOptions = Partial<AllOptions>;
