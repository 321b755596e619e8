/** What a Python pickle may hold and import here: plain containers, and objects that a reader of one kind of file adds. */
import { quoted } from "../system/quoted.js";

/** A pickle that is malformed, or wants something that is not allowed. The message completes "the file …". */
export class PickleError extends Error {}

/** Something that is no plain container: a tensor, an array, a function that may be called. */
export abstract class PickleObject {
  /** Takes the state that the pickle gives to the object; what is not wanted is dropped. */
  build(_state: PickleValue): void {}
}

/** A value a pickle can hold. */
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

/** Something from the list of what may be called or named. */
export class Callable extends PickleObject {
  constructor(
    readonly name: string,
    readonly call: (args: readonly PickleValue[]) => PickleValue,
  ) {
    super();
  }
}

/** What may be imported beyond the plain containers, by module and name; undefined for everything else. */
export type Imports = (module: string, name: string) => PickleValue | undefined;

/** Longest name that may be imported; messages quote it. */
const maxNameLength = 65_536;

/** All that a pickle may import: plain containers and what `imports` adds. */
export function importName(module: string, name: string, imports: Imports): PickleValue {
  const full = `${module}.${name}`;
  if (full.length > maxNameLength) throw new PickleError("names something of an impossible length");
  const found = imports(module, name);
  if (found !== undefined) return found;
  if (!Object.hasOwn(containers, full)) {
    throw new PickleError(
      `wants to construct ${quoted(full)}, which is not allowed (only tensors, arrays and plain containers are)`,
    );
  }
  return new Callable(full, containers[full]);
}

const containers: Readonly<Record<string, (args: readonly PickleValue[]) => PickleValue>> = {
  "collections.OrderedDict": ([items]) => new Map(pairs(items)),
  "builtins.set": ([items]) => items ?? [],
  // Its name, and that of bytes' encoding, in protocol 2.
  "__builtin__.set": ([items]) => items ?? [],
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
  if (typeof text !== "string") throw new PickleError("encodes something that is no text");
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** Whether a value is a whole number from 0 on. */
export const isCount = (v: unknown): v is number => typeof v === "number" && Number.isSafeInteger(v) && v >= 0;
