/**
 * Matches two lists of class names for the same classes: of a dataset, weights, a teacher, a file. Names are compared
 * from the strictest way to the loosest, and the first way that finds a name is used: exactly; ignoring case and word
 * separators; by the identifier at its beginning (`n01440764 tench`); by one of its synonyms (`tench, Tinca tinca`). A
 * name that fits several classes in that way matches none, and the result says so.
 */
import { quoted } from "../../errors/quoted.js";

export type ClassMatch =
  /** The same names in the same order. */
  | { readonly kind: "same" }
  /**
   * For each name its index in the other list; all different. `by`: `number` if the names are indices into the other
   * list.
   */
  | { readonly kind: "matched"; readonly indices: Int32Array; readonly by: "name" | "number" }
  /** These names are not in the other list. */
  | { readonly kind: "unknown"; readonly names: readonly string[] }
  /** A name that could mean any of these classes. */
  | { readonly kind: "ambiguous"; readonly name: string; readonly indices: readonly number[] }
  /** Two names that mean the same class. */
  | { readonly kind: "merged"; readonly names: readonly [string, string]; readonly index: number };

/**
 * The index of each of `names` among the classes `known`. `also` are other names of those, in the same order. If
 * `names` are integers and `known` are not, they are class indices from 0.
 */
export function matchClasses(names: readonly string[], known: readonly string[], also?: readonly string[]): ClassMatch {
  if (names.length === known.length && names.every((name, i) => name === known[i])) return { kind: "same" };
  if (names.every(isIndex) && !known.some(isIndex)) return counted(names, known.length);
  const find = finder(known, also);
  const found = names.map(find);
  const unclear = found.findIndex((f) => f.length > 1);
  if (unclear >= 0) return { kind: "ambiguous", name: names[unclear], indices: found[unclear] };
  const unknown = names.filter((_, i) => found[i].length === 0);
  if (unknown.length > 0) return { kind: "unknown", names: unknown };
  const first = new Map<number, string>();
  for (const [i, [index]] of found.entries()) {
    const other = first.get(index);
    if (other !== undefined) return { kind: "merged", names: [other, names[i]], index };
    first.set(index, names[i]);
  }
  return { kind: "matched", indices: Int32Array.from(found, ([index]) => index), by: "name" };
}

/** Whether a name is an integer without leading zeros: ImageNet-V2 names its folders by class index. */
export const isIndex = (name: string): boolean => /^(0|[1-9]\d{0,5})$/.test(name);

function counted(names: readonly string[], count: number): ClassMatch {
  const beyond = names.filter((name) => Number(name) >= count);
  if (beyond.length > 0) return { kind: "unknown", names: beyond };
  return { kind: "matched", indices: Int32Array.from(names, Number), by: "number" };
}

/** Names that differ only in case, word separators and Unicode composition are equivalent. */
const plain = (name: string): string =>
  name
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\s_-]+/g, " ")
    .trim();

/** An identifier such as `n01440764` at the beginning of a name, or as the whole name. */
const identifier = /^([a-z]+\d+)(?=$|[\s:,_-])/i;

/** Forms by which names are compared, from the strictest to the loosest. */
const ways: readonly ((name: string) => readonly string[])[] = [
  (name) => [name],
  (name) => [plain(name)],
  (name) => [identifier.exec(name)?.[1].toLowerCase() ?? []].flat(),
  (name) =>
    name
      .replace(identifier, "")
      .split(/[,;]/)
      .map((word) => plain(word.replace(/^[\s:_-]+/, "")))
      .filter((word) => word !== ""),
];

/** Indices of the classes that a name may mean: one, none, or several if ambiguous. */
function finder(known: readonly string[], also: readonly string[] = []): (name: string) => readonly number[] {
  const tables = ways.map((keysOf) => {
    const table = new Map<string, Set<number>>();
    const add = (name: string, index: number) => {
      for (const key of keysOf(name)) {
        const those = table.get(key);
        if (those) those.add(index);
        else table.set(key, new Set([index]));
      }
    };
    known.forEach(add);
    also.forEach(add);
    return table;
  });
  return (name) => {
    for (const [i, keysOf] of ways.entries()) {
      const found = new Set(keysOf(name).flatMap((key) => [...(tables[i].get(key) ?? [])]));
      if (found.size > 0) return [...found];
    }
    return [];
  };
}

/** Why names cannot be matched, as the middle of a sentence: `… ${reason}; name …`. Undefined if they can. */
export function mismatch(match: ClassMatch, known: readonly string[]): string | undefined {
  switch (match.kind) {
    case "same":
    case "matched":
      return undefined;
    case "unknown": {
      const [name, ...more] = match.names;
      return `${quoted(name)}${more.length > 0 ? ` and ${more.length} more` : ""} of the data ${more.length > 0 ? "are" : "is"} not among the ${known.length} classes`;
    }
    case "ambiguous": {
      const places = match.indices.slice(0, 4).map((i) => `${i} (${quoted(known[i])})`);
      return `${quoted(match.name)} of the data may mean any of the classes ${places.join(", ")}`;
    }
    case "merged":
      return `${quoted(match.names[0])} and ${quoted(match.names[1])} of the data would both be the class ${match.index} (${quoted(known[match.index])})`;
  }
}

/**
 * Whether a list of names has only one usual order. Programs that take classes from the names of folders sort them by
 * code points (torchvision, Keras, deit) or naturally and without regard to case (timm: class2 before class10); a list
 * in neither order has its own order.
 */
export function hasOneOrder(names: readonly string[]): boolean {
  const sorted = names.every((name, i) => i === 0 || byCodePoint(names[i - 1], name) <= 0);
  if (!sorted) return true;
  const natural = naturalOrder(names);
  return natural.every((name, i) => name === names[i]);
}

/** The names as timm sorts them. */
export function naturalOrder(names: readonly string[]): string[] {
  return names
    .map((name) => ({ name, key: name.toLowerCase().split(/(\d+)/) }))
    .sort((a, b) => compareKeys(a.key, b.key))
    .map(({ name }) => name);
}

/** Keys alternate between text and numbers, so that both have the same kind at each position. */
function compareKeys(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = i % 2 === 1 ? Number(a[i]) - Number(b[i]) : byCodePoint(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** UTF-8 sorts like code points, which UTF-16 does not. */
const byCodePoint = (a: string, b: string): number => (a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b)));
