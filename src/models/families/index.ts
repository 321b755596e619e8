/** The families of models: one file and one line each. */
import type { DeitConfig } from "../deit.js";
import type { RegnetConfig } from "../regnet.js";
import { deitFamily } from "./deit.js";
import { deit3Family } from "./deit3.js";
import { linearFamily } from "./linear.js";
import { regnetyFamily } from "./regnety.js";
import { vitFamily } from "./vit.js";

export const families = { deitFamily, deit3Family, vitFamily, linearFamily, regnetyFamily };

/** Options of all families. */
export type AllOptions = DeitConfig & RegnetConfig;

/** Options that every model understands; the rest are those of its family. */
export type ModelOptions = Partial<AllOptions>;
