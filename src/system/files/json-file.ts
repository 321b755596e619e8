/** JSON files from untrusted sources. */
import { type JsonLimits, parseJson } from "../text/json.js";
import { readText } from "./regular-file.js";

/** The value of a file of at most `atMost` bytes. Throws JsonError, and what `readText` throws. */
export async function readJson(path: string, atMost?: number, limits?: JsonLimits): Promise<unknown> {
  return parseJson(await readText(path, atMost), limits);
}
