/** Untrusted YAML: plain values, limited in size. */
import { parse } from "yaml";

/** Limit of the text in characters: parsing takes about a hundred times the memory. */
const largest = 1 << 16;

/** The value of a YAML string; undefined if it is not YAML, or larger than anything written by hand. */
export function tryYaml(text: string): unknown {
  if (text.length > largest) return undefined;
  try {
    return parse(text, { logLevel: "error", maxAliasCount: 100 });
  } catch {
    return undefined;
  }
}
