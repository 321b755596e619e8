/** YAML that others have written: plain values, bounded. */
import { parse } from "yaml";

/** The value of a text that a reader has already bounded; undefined for none, and for what is no YAML. */
export function tryYaml(text: string): unknown {
  try {
    return parse(text, { logLevel: "error", maxAliasCount: 100 });
  } catch {
    return undefined;
  }
}
