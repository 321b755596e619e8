/** Names of many files in one: `shard-{000..009}.tar`, `{train,val}-{0..3}.tar`. */
import { UsageError } from "../../errors/errors.js";

const most = 1_000_000;

/** All names that a pattern expands to, in order; a name without braces expands to itself. */
export function expandBraces(pattern: string): string[] {
  const found = /\{([^{}]*)\}/.exec(pattern);
  if (!found) return [pattern];
  const [whole, inner] = found;
  const before = pattern.slice(0, found.index);
  const rest = expandBraces(pattern.slice(found.index + whole.length));
  const choices = range(inner) ?? inner.split(",");
  if (choices.length * rest.length > most) throw new UsageError(`"${pattern}" stands for more than ${most} names.`);
  return choices.flatMap((choice) => rest.map((end) => before + choice + end));
}

/** `000..009` as its numbers, padded as written. */
function range(text: string): string[] | undefined {
  const found = /^(\d+)\.\.(\d+)$/.exec(text);
  if (!found) return undefined;
  const [first, last] = [Number(found[1]), Number(found[2])];
  if (Math.abs(last - first) >= most) throw new UsageError(`"{${text}}" stands for more than ${most} names.`);
  const step = last < first ? -1 : 1;
  const width = found[1].startsWith("0") ? found[1].length : 0;
  return Array.from({ length: Math.abs(last - first) + 1 }, (_, i) => String(first + i * step).padStart(width, "0"));
}
