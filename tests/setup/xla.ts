/**
 * The XLA engine's CPU plugin, which is downloaded where it is not installed yet. Tests that need it are skipped where it
 * cannot be had, with a notice; CI runs them in any case, so that they fail there.
 */
import { describe, it } from "vitest";
import { installPlugin } from "../../src/engines/xla/plugins/store.js";
import { messageOf } from "../../src/errors/message-of.js";
import { skipNotice } from "./skip-notice.js";

const found = await installPlugin("cpu").catch(messageOf);
const missing = typeof found === "string" && !process.env.CI;
if (missing) skipNotice(`The XLA engine's CPU plugin cannot be installed. ${found}`, "need it");

/** Path of the plugin's library. */
export const xlaLibrary = typeof found === "string" ? "" : found.library;
export const describeWithXla = describe.skipIf(missing);
export const itWithXla = it.skipIf(missing);
