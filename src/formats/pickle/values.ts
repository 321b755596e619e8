/** What a Python pickle may contain and import: plain containers, and objects that the reader of a file format adds. */
import { quoted } from "../../errors/quoted.js";

/** A pickle that is malformed, or uses something that is not allowed. The message completes "the file …". */
export class PickleError extends Error {}

/** Something that is not a plain container: a tensor, an array, a function that may be called. */
export abstract class PickleObject {
  /** Receives the state that the pickle sets on the object; unneeded state is dropped. */
  build(_state: PickleValue): void {}
}

/** A value that a pickle can contain. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleObject;

/** An entry of the list of what may be called or named. */
export class Callable extends PickleObject {
  constructor(
    readonly name: string,
    readonly call: (args: readonly PickleValue[]) => PickleValue,
  ) {
    super();
  }
}

/**
 * An unknown object, with the name by which the pickle imports it: settings, dates, paths, objects of the program that
 * wrote the file. The pickle can call it, fill it and set its state, all without effect.
 */
export class Inert extends PickleObject {
  /** Items set as in a dictionary. */
  readonly entries = new Map<PickleValue, PickleValue>();

  constructor(readonly name: string) {
    super();
  }
}

/** What may be imported beyond the plain containers, by module and name; undefined for everything else. */
export type Imports = (module: string, name: string) => PickleValue | undefined;

/** Longest name that may be imported; messages quote it. */
const maxNameLength = 65_536;

/** A name that a Python program can import; names such as JavaScript's `__proto__` are excluded. */
const importable = /^(__main__|__mp_main__|__builtin__|(?!__)[\p{L}_][\p{L}\p{N}_]*)(\.[\p{L}_][\p{L}\p{N}_]*)*$/u;

/** Imports that only a malicious file uses: commands, code, files. */
const hostile =
  /^((os|posix|nt|subprocess|pty|commands|runpy|code|codeop|importlib|imp|ctypes|socket|shutil|webbrowser|pdb|bdb|timeit|cProfile|profile|pickle|_pickle|marshal)(\..*)?|(builtins|__builtin__)\.(eval|exec|execfile|compile|__import__|open|file|input|breakpoint|exit|quit))$/;

/**
 * Everything that a pickle may import: plain containers and what `imports` adds. Other names are refused, or yield an
 * inert object unless they can only do harm.
 */
export function importName(module: string, name: string, imports: Imports, unknown: "refuse" | "inert"): PickleValue {
  const full = `${module}.${name}`;
  if (full.length > maxNameLength) throw new PickleError("names something of an impossible length");
  const found = imports(module, name);
  if (found !== undefined) return found;
  if (Object.hasOwn(containers, full)) return new Callable(full, containers[full]);
  const harmless = importable.test(full) && !hostile.test(module) && !hostile.test(full);
  if (unknown === "inert" && harmless) return new Inert(full);
  throw notAllowed(full);
}

/** The error for what a pickle must not, or cannot, create here. */
export const notAllowed = (name: string): PickleError =>
  new PickleError(
    `wants to construct ${quoted(name)}, which is not allowed (only tensors, arrays and plain containers are)`,
  );

const listed = ([items]: readonly PickleValue[]): PickleValue => items ?? [];
const containers: Readonly<Record<string, (args: readonly PickleValue[]) => PickleValue>> = {
  "collections.OrderedDict": ([items]) => new Map(pairs(items)),
  "collections.defaultdict": () => new Map(),
  "collections.Counter": ([counts]) => counts ?? new Map(),
  "collections.deque": listed,
  "builtins.set": listed,
  "builtins.frozenset": listed,
  // Their names in protocol 2, and that of the encoding of bytes.
  "__builtin__.set": listed,
  "__builtin__.frozenset": listed,
  "_codecs.encode": ([text]) => latin1(text),
  "builtins.list": ([items]) => items ?? [],
  "builtins.dict": () => new Map(),
};

function pairs(items: PickleValue | undefined): [PickleValue, PickleValue][] {
  if (items === undefined) return [];
  if (!Array.isArray(items) || !items.every((p) => Array.isArray(p) && p.length === 2))
    throw new PickleError("holds a malformed dictionary");
  return items as [PickleValue, PickleValue][];
}

function latin1(text: PickleValue | undefined): Uint8Array {
  if (typeof text !== "string") throw new PickleError("encodes something that is not a string");
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** Whether a value is a non-negative integer. */
export const isCount = (v: unknown): v is number => typeof v === "number" && Number.isSafeInteger(v) && v >= 0;
