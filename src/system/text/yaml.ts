/** YAML that others have written: plain values, bounded. */
import { parse } from "yaml";

/** Characters of the largest text that is parsed: it takes some hundred times the memory. */
const largest = 1 << 16;

/** The value of a text; undefined for what is no YAML, or larger than what people write. */
export function tryYaml(text: string): unknown {
  if (text.length > largest) return undefined;
  try {
    return parse(text, { logLevel: "error", maxAliasCount: 100 });
  } catch {
    return undefined;
  }
}
