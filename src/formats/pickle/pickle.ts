/**
 * A reader of Python pickles: builds plain containers and what the reader of a file format adds, such as tensors'
 * descriptions. Any other import is refused by name, or replaced by an inert object; code in a file is never run.
 */
import { quoted } from "../../errors/quoted.js";
import { pairsOf, spelledNumber, spelledText, unicodeText } from "./spelled.js";
import { Callable, type Imports, Inert, importName, PickleError, PickleObject, type PickleValue } from "./values.js";

/**
 * Limits of what one pickle may create. The largest checkpoints have some ten thousand tensors of five containers each,
 * and curves of some hundred thousand numbers; a malicious file could make one per byte, or copies of copies.
 */
const limits = {
  containers: 1_000_000,
  instructions: 10_000_000,
  /** In addition to as many as the file has bytes. */
  copied: 4_000_000,
  kept: 2_000_000,
  stack: 2_000_000,
};

/** Maximum bytes of a number. */
const longestNumber = 1024;

const mark = Symbol("mark");
type Slot = PickleValue | typeof mark;

export interface Unpickled {
  readonly value: PickleValue;
  /** Offset of the pickle's end. */
  readonly end: number;
}

export interface PickleOptions {
  readonly start?: number;
  /** What may be imported beyond plain containers. */
  readonly imports?: Imports;
  /** Resolves a reference to something outside the pickle; without it such references are refused. */
  readonly persistent?: (id: PickleValue) => PickleValue;
  /** Whether an unknown name is an error or yields an inert object (default: an error). */
  readonly unknown?: "refuse" | "inert";
  /** What Python 2's long strings contain: text, or the bytes of an array. */
  readonly longStrings?: "text" | "bytes";
}

/** Reads one pickle. Bytes in it are views of `bytes`. Throws only PickleError, or what `persistent` throws. */
export function readPickle(bytes: Uint8Array, options: PickleOptions = {}): Unpickled {
  return new Machine(bytes, options).run();
}

class Machine {
  readonly #stack: Slot[] = [];
  readonly #memo = new Map<number, PickleValue>();
  readonly #view: DataView;
  private at: number;
  #containers = 0;
  #copied = 0;
  #kept = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly options: PickleOptions,
  ) {
    this.at = options.start ?? 0;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): Unpickled {
    for (let steps = 0; steps < limits.instructions; steps++) {
      const code = this.#byte();
      if (code === 0x2e) return { value: this.#pop(), end: this.at };
      this.#step(code);
      if (this.#stack.length > limits.stack) throw new PickleError(`stacks more than ${limits.stack} values`);
    }
    throw new PickleError(`holds more than ${limits.instructions} instructions`);
  }

  #step(code: number): void {
    const stack = this.#stack;
    switch (String.fromCharCode(code)) {
      case "\x80": // PROTO
        if (this.#byte() > 5) throw new PickleError("uses a pickle protocol above 5");
        return;
      case "\x95": // FRAME
        this.#skip(8);
        return;
      case "(":
        stack.push(mark);
        return;
      case "0":
        this.#pop();
        return;
      case "1":
        this.#popToMark();
        return;
      case "2":
        stack.push(this.#top());
        return;
      case "N":
        stack.push(null);
        return;
      case "\x88":
      case "\x89":
        stack.push(code === 0x88);
        return;
      case "J":
        stack.push(this.#view.getInt32(this.#skip(4), true));
        return;
      case "K":
        stack.push(this.#byte());
        return;
      case "M":
        stack.push(this.#view.getUint16(this.#skip(2), true));
        return;
      case "\x8a":
      case "\x8b":
        stack.push(this.#long(code === 0x8a ? this.#byte() : this.#u32()));
        return;
      // Protocol 0 writes values as lines of text.
      case "I":
      case "L":
      case "F":
        stack.push(spelledNumber(this.#line()));
        return;
      case "S":
        stack.push(spelledText(this.#line()));
        return;
      case "V":
        stack.push(unicodeText(this.#line("latin1")));
        return;
      case "G":
        stack.push(this.#view.getFloat64(this.#skip(8), false));
        return;
      case "X":
        stack.push(this.#text(this.#u32()));
        return;
      case "\x8c":
      case "U":
        stack.push(this.#text(this.#byte()));
        return;
      case "T":
        stack.push(this.options.longStrings === "bytes" ? this.#raw(this.#u32()) : this.#text(this.#u32()));
        return;
      case "\x8d":
        stack.push(this.#text(this.#u64()));
        return;
      case "B":
        stack.push(this.#raw(this.#u32()));
        return;
      case "C":
        stack.push(this.#raw(this.#byte()));
        return;
      case "\x8e":
      case "\x96":
        stack.push(this.#raw(this.#u64()));
        return;
      case "}":
        stack.push(this.#made(new Map()));
        return;
      case "]":
      case ")":
      case "\x8f":
        stack.push(this.#made([]));
        return;
      case "t":
      case "l":
      case "\x91":
        stack.push(this.#made(this.#popToMark()));
        return;
      case "d":
        stack.push(this.#made(new Map(pairsOf(this.#popToMark()))));
        return;
      case "\x85":
      case "\x86":
      case "\x87":
        stack.push(this.#made(this.#popMany(code - 0x84)));
        return;
      case "a":
        this.#append([this.#pop()]);
        return;
      case "e":
      case "\x90":
        this.#append(this.#popToMark());
        return;
      case "s":
        this.#setItems(this.#popMany(2));
        return;
      case "u":
        this.#setItems(this.#popToMark());
        return;
      case "q":
      case "r":
        this.#remember(code === 0x71 ? this.#byte() : this.#u32());
        return;
      case "p":
        this.#remember(Number(this.#line()));
        return;
      case "\x94":
        this.#remember(this.#memo.size);
        return;
      case "g":
        stack.push(this.#recall(Number(this.#line())));
        return;
      case "h":
        stack.push(this.#recall(this.#byte()));
        return;
      case "j":
        stack.push(this.#recall(this.#u32()));
        return;
      case "c":
        stack.push(this.#import(this.#line(), this.#line()));
        return;
      case "\x93": {
        const [module, name] = this.#popMany(2);
        if (typeof module !== "string" || typeof name !== "string")
          throw new PickleError("imports something whose name is not a string");
        stack.push(this.#import(module, name));
        return;
      }
      case "R":
      case "\x81": {
        const [callable, args] = this.#popMany(2);
        stack.push(this.#call(callable, args));
        return;
      }
      case "\x92": {
        const [callable, args] = this.#popMany(3);
        stack.push(this.#call(callable, args));
        return;
      }
      case "i": {
        const callable = this.#import(this.#line(), this.#line());
        stack.push(this.#call(callable, this.#popToMark()));
        return;
      }
      case "o": {
        const [callable, ...args] = this.#popToMark();
        stack.push(this.#call(callable, args));
        return;
      }
      case "b":
        this.#build();
        return;
      case "Q":
        stack.push(this.#outside(this.#pop()));
        return;
      default:
        throw new PickleError(`holds the unknown pickle instruction 0x${code.toString(16)} at byte ${this.at - 1}`);
    }
  }

  /** Sets an object's state; maps keep it (settings), other plain values drop it (hooks and version markers). */
  #build(): void {
    const state = this.#pop();
    const target = this.#top();
    if (target instanceof PickleObject) target.build(state);
    if (target instanceof Map && target.size === 0 && state instanceof Map) {
      this.#copies(state.size);
      for (const [k, v] of state) target.set(k, v);
    }
  }

  #import(module: string, name: string): PickleValue {
    const { imports = () => undefined, unknown = "refuse" } = this.options;
    return importName(module, name, imports, unknown);
  }

  #call(callable: PickleValue | undefined, args: PickleValue): PickleValue {
    if (callable instanceof Inert) return this.#made(new Inert(callable.name));
    if (!(callable instanceof Callable) || !Array.isArray(args))
      throw new PickleError("calls something that is not a function");
    const [first] = args;
    if (Array.isArray(first) || typeof first === "string") this.#copies(first.length);
    const result = callable.call(args);
    if (result === undefined) throw new PickleError(`calls ${quoted(callable.name)} without what it needs`);
    return this.#made(result);
  }

  #outside(id: PickleValue): PickleValue {
    if (this.options.persistent) return this.options.persistent(id);
    throw new PickleError("refers to something outside");
  }

  #made<T extends PickleValue>(value: T): T {
    if (typeof value === "object" && ++this.#containers > limits.containers)
      throw new PickleError(`makes more than ${limits.containers} objects`);
    return value;
  }

  /** Counts elements that a call copies from existing objects, which takes no bytes of the file. */
  #copies(count: number): void {
    this.#copied += count;
    if (this.#copied > limits.copied + this.bytes.length) throw new PickleError("copies its content over and over");
  }

  /** Counts what is stored in lists, dictionaries and the memo. */
  #keeps(count: number): void {
    this.#kept += count;
    if (this.#kept > limits.kept) throw new PickleError(`keeps more than ${limits.kept} values`);
  }

  #remember(index: number): void {
    this.#keeps(1);
    this.#memo.set(index, this.#top());
  }

  #append(items: readonly PickleValue[]): void {
    const top = this.#top();
    if (top instanceof Inert) return;
    if (!Array.isArray(top)) throw new PickleError("appends to something that is not a list");
    this.#keeps(items.length);
    for (const item of items) top.push(item);
  }

  #setItems(items: readonly PickleValue[]): void {
    const top = this.#top();
    const map = top instanceof Inert ? top.entries : top;
    if (!(map instanceof Map)) throw new PickleError("sets an item of something that is not a dictionary");
    this.#keeps(items.length);
    for (const [key, value] of pairsOf(items)) map.set(key, value);
  }

  #byte(): number {
    return this.bytes[this.#skip(1)];
  }

  /** Skips n bytes and returns where they begin. */
  #skip(n: number): number {
    const from = this.at;
    if (!(n >= 0) || from + n > this.bytes.length) throw new PickleError(`is cut short at byte ${from}`);
    this.at += n;
    return from;
  }

  #u32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  #u64(): number {
    return Number(this.#view.getBigUint64(this.#skip(8), true));
  }

  #raw(n: number): Uint8Array {
    const from = this.#skip(n);
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + from, n);
  }

  #text(n: number): string {
    const from = this.#skip(n);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + from, n).toString("utf8");
  }

  /** A little-endian two's complement number; beyond 2⁵³ as bigint. */
  #long(n: number): number | bigint {
    if (n === 0) return 0;
    if (n > longestNumber) throw new PickleError(`holds a number of ${n} bytes`);
    const bytes = this.#raw(n).slice().reverse();
    const value = BigInt.asIntN(8 * n, BigInt(`0x${Buffer.from(bytes).toString("hex")}`));
    const small = Number(value);
    return Number.isSafeInteger(small) ? small : value;
  }

  #line(encoding: "utf8" | "latin1" = "utf8"): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new PickleError("is cut short in a name");
    const from = this.#skip(end - this.at + 1);
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + from, end - from).toString(encoding);
  }

  #top(): PickleValue {
    const top = this.#stack.at(-1);
    if (top === undefined || top === mark) throw new PickleError("takes from an empty stack");
    return top as PickleValue;
  }

  #pop(): PickleValue {
    const top = this.#top();
    this.#stack.pop();
    return top;
  }

  #popMany(n: number): PickleValue[] {
    const items = Array.from({ length: n }, () => this.#pop());
    return items.reverse();
  }

  #popToMark(): PickleValue[] {
    const at = this.#stack.lastIndexOf(mark);
    if (at < 0) throw new PickleError("misses a mark on its stack");
    return this.#stack.splice(at).slice(1) as PickleValue[];
  }

  #recall(index: number): PickleValue {
    const value = this.#memo.get(index);
    if (value === undefined) throw new PickleError("recalls what it never stored");
    return value;
  }
}
