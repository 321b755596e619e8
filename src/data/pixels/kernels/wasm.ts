/**
 * WebAssembly written in TypeScript: typed expressions that are assembled to a module at run time. For the few inner
 * loops where vector instructions are several times faster than the same loop over typed arrays.
 */

export type WasmType = "i32" | "f64" | "v128";

/** Code that produces one value of a type. */
export interface Expression<T extends WasmType> {
  readonly type: T;
  readonly code: readonly number[];
}

/** Code without a value. */
export interface Statement {
  readonly code: readonly number[];
}

export interface Local<T extends WasmType> extends Expression<T> {
  set(value: Expression<T>): Statement;
}

type I32 = Expression<"i32">;
type F64 = Expression<"f64">;
type V128 = Expression<"v128">;

const typeCodes: Readonly<Record<WasmType, number>> = { i32: 0x7f, f64: 0x7c, v128: 0x7b };

/** Unsigned LEB128. */
function unsigned(n: number): number[] {
  return n < 0x80 ? [n] : [(n & 0x7f) | 0x80, ...unsigned(Math.floor(n / 128))];
}

/** Signed LEB128. */
function signed(n: number): number[] {
  const byte = n & 0x7f;
  const rest = n >> 7;
  const done = (rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0);
  return done ? [byte] : [byte | 0x80, ...signed(rest)];
}

const simd = (code: number) => [0xfd, ...unsigned(code)];

function unary<A extends WasmType, R extends WasmType>(type: R, code: readonly number[]) {
  return (a: Expression<A>): Expression<R> => ({ type, code: [...a.code, ...code] });
}

function binary<A extends WasmType, B extends WasmType, R extends WasmType>(type: R, code: readonly number[]) {
  return (a: Expression<A>, b: Expression<B>): Expression<R> => ({ type, code: [...a.code, ...b.code, ...code] });
}

const i32Binary = (code: number) => binary<"i32", "i32", "i32">("i32", [code]);
const f64Binary = (code: number) => binary<"f64", "f64", "f64">("f64", [code]);
const f64Compare = (code: number) => binary<"f64", "f64", "i32">("i32", [code]);
const lanes = (code: number) => unary<"v128", "v128">("v128", simd(code));
const lanewise = (code: number) => binary<"v128", "v128", "v128">("v128", simd(code));
const laneShift = (code: number) => binary<"v128", "i32", "v128">("v128", simd(code));

/** Reads at an address plus a constant, without assuming alignment. */
function load<T extends WasmType>(type: T, code: readonly number[]) {
  return (address: I32, offset = 0): Expression<T> => ({
    type,
    code: [...address.code, ...code, 0, ...unsigned(offset)],
  });
}

function store<T extends WasmType>(code: readonly number[]) {
  return (address: I32, value: Expression<T>, offset = 0): Statement => ({
    code: [...address.code, ...value.code, ...code, 0, ...unsigned(offset)],
  });
}

const f64Bytes = (n: number) => [...new Uint8Array(new Float64Array([n]).buffer)];

export const i32 = {
  const: (n: number): I32 => ({ type: "i32", code: [0x41, ...signed(n)] }),
  add: i32Binary(0x6a),
  sub: i32Binary(0x6b),
  mul: i32Binary(0x6c),
  shl: i32Binary(0x74),
  shr: i32Binary(0x75),
  eq: i32Binary(0x46),
  lt: i32Binary(0x48),
  gt: i32Binary(0x4a),
  and: i32Binary(0x71),
  or: i32Binary(0x72),
  load: load("i32", [0x28]),
  load8: load("i32", [0x2d]),
  store: store<"i32">([0x36]),
  store8: store<"i32">([0x3a]),
  /** Truncates toward zero; the value must fit. */
  truncate: unary<"f64", "i32">("i32", [0xaa]),
} as const;

export const f64 = {
  const: (n: number): F64 => ({ type: "f64", code: [0x44, ...f64Bytes(n)] }),
  add: f64Binary(0xa0),
  sub: f64Binary(0xa1),
  mul: f64Binary(0xa2),
  lt: f64Compare(0x63),
  ge: f64Compare(0x66),
  floor: unary<"f64", "f64">("f64", [0x9c]),
  negate: unary<"f64", "f64">("f64", [0x9a]),
  load: load("f64", [0x2b]),
  of: unary<"i32", "f64">("f64", [0xb7]),
} as const;

export const v128 = {
  load: load("v128", simd(0x00)),
  /** Eight bytes, widened to 16 bits. */
  load8x8: load("v128", simd(0x02)),
  /** One 32-bit word into all four. */
  load32Splat: load("v128", simd(0x09)),
  /** One 32-bit word into the first; the others are zero. */
  load32Zero: load("v128", simd(0x5c)),
  store: store<"v128">(simd(0x0b)),
  store64: (address: I32, value: V128): Statement => ({
    code: [...address.code, ...value.code, ...simd(0x5b), 0, 0, 0],
  }),
  /** Writes the first three bytes. */
  store24: (address: I32, value: V128): Statement => ({
    code: [
      ...[...address.code, ...value.code, ...simd(0x59), 0, 0, 0],
      ...[...address.code, ...value.code, ...simd(0x58), 0, 2, 2],
    ],
  }),
  zero: { type: "v128", code: [...simd(0x0c), ...new Array<number>(16).fill(0)] } satisfies V128 as V128,
  /** Writes the first 32-bit word. */
  store32: (address: I32, value: V128): Statement => ({
    code: [...address.code, ...value.code, ...simd(0x5a), 0, 0, 0],
  }),
  and: lanewise(0x4e),
  /** Bits of `a` where those of `mask` are set, elsewhere of `b`. */
  choose: (mask: V128, a: V128, b: V128): V128 => ({
    type: "v128",
    code: [...a.code, ...b.code, ...mask.code, ...simd(0x52)],
  }),
  /** Bytes of `a` (0 … 15) and `b` (16 … 31) in any order. */
  shuffle: (a: V128, b: V128, order: readonly number[]): V128 => ({
    type: "v128",
    code: [...a.code, ...b.code, ...simd(0x0d), ...order],
  }),
} as const;

export const i32x4 = {
  splat: unary<"i32", "v128">("v128", simd(0x11)),
  add: lanewise(0xae),
  mul: lanewise(0xb5),
  shiftRight: laneShift(0xac),
  /** Four of eight 16-bit numbers, widened. */
  lowOf16: lanes(0xa9),
  highOf16: lanes(0xaa),
  sub: lanewise(0xb1),
  /** Four float32 truncated toward zero, clamped to the bounds. */
  truncate32: lanes(0xf8),
  /** Two float64 truncated toward zero, clamped to the bounds; the other two are zero. */
  truncate64: lanes(0xfc),
} as const;

export const i16x8 = {
  splat: unary<"i32", "v128">("v128", simd(0x10)),
  /** Eight of sixteen bytes, widened. */
  lowOf8: lanes(0x89),
  highOf8: lanes(0x8a),
  add: lanewise(0x8e),
  sub: lanewise(0x91),
  abs: lanes(0x80),
  min: lanewise(0x96),
  /** All bits of a number are set where two are equal. */
  eq: lanewise(0x2d),
  shiftLeft: laneShift(0x8b),
  /** Of numbers without a sign. */
  shiftRight: laneShift(0x8d),
  /** Two times four 32-bit numbers, clamped to the bounds. */
  narrow: lanewise(0x85),
} as const;

export const i8x16 = {
  /** Modulo 256. */
  add: lanewise(0x6e),
  /** Two times eight 16-bit numbers, clamped to 0 … 255. */
  narrow: lanewise(0x66),
} as const;

export const f32x4 = {
  /** Of a float64, rounded. */
  splat: (a: F64): V128 => ({ type: "v128", code: [...a.code, 0xb6, ...simd(0x13)] }),
  add: lanewise(0xe4),
  mul: lanewise(0xe6),
  of: lanes(0xfa),
} as const;

export const f64x2 = {
  splat: unary<"f64", "v128">("v128", simd(0x14)),
  add: lanewise(0xf0),
  mul: lanewise(0xf2),
  /** The first two 32-bit numbers. */
  of: lanes(0xfe),
} as const;

const codeOf = (statements: readonly Statement[]) => statements.flatMap((s) => s.code);

const empty = 0x40;

/** Runs the body, and repeats it while the condition is true. */
export const repeatWhile = (condition: I32, body: readonly Statement[]): Statement => ({
  code: [0x03, empty, ...codeOf(body), ...condition.code, 0x0d, 0, 0x0b],
});

export const when = (condition: I32, body: readonly Statement[]): Statement => ({
  code: [...condition.code, 0x04, empty, ...codeOf(body), 0x0b],
});

/** `a` if the condition is true, otherwise `b`; both are computed. */
export const select = <T extends WasmType>(condition: I32, a: Expression<T>, b: Expression<T>): Expression<T> => ({
  type: a.type,
  code: [...a.code, ...b.code, ...condition.code, 0x1b],
});

export interface WasmFunction {
  readonly parameters: readonly WasmType[];
  readonly locals: readonly WasmType[];
  readonly code: readonly number[];
}

type Locals<P extends readonly WasmType[]> = { [K in keyof P]: Local<P[K]> };

/** A function without a result; `build` gets its parameters and can create variables, which start at zero. */
export function wasmFunction<const P extends readonly WasmType[]>(
  parameters: P,
  build: (parameters: Locals<P>, variable: <T extends WasmType>(type: T) => Local<T>) => readonly Statement[],
): WasmFunction {
  const locals: WasmType[] = [];
  const local = <T extends WasmType>(type: T, index: number): Local<T> => ({
    type,
    code: [0x20, ...unsigned(index)],
    set: (value) => ({ code: [...value.code, 0x21, ...unsigned(index)] }),
  });
  const variable = <T extends WasmType>(type: T) => local(type, parameters.length + locals.push(type) - 1);
  const code = codeOf(build(parameters.map(local) as unknown as Locals<P>, variable));
  return { parameters, locals, code };
}

const vector = (items: readonly (readonly number[])[]) => [...unsigned(items.length), ...items.flat()];
const name = (text: string) => vector([...new TextEncoder().encode(text)].map((byte) => [byte]));
const section = (id: number, items: readonly (readonly number[])[]) => {
  const body = vector(items);
  return [id, ...unsigned(body.length), ...body];
};

/** Compiles functions that operate on `memory`; they are called by name. */
export function compileWasm<N extends string>(
  functions: Readonly<Record<N, WasmFunction>>,
  memory: WebAssembly.Memory,
): Readonly<Record<N, (...values: number[]) => void>> {
  const all = Object.entries<WasmFunction>(functions);
  const bytes = Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      all.map(([, f]) => [0x60, ...vector(f.parameters.map((p) => [typeCodes[p]])), 0]),
    ),
    ...section(2, [[...name("host"), ...name("memory"), 2, 0, 1]]),
    ...section(
      3,
      all.map((_, i) => unsigned(i)),
    ),
    ...section(
      7,
      all.map(([key], i) => [...name(key), 0, ...unsigned(i)]),
    ),
    ...section(
      10,
      all.map(([, f]) => {
        const body = [...vector(f.locals.map((l) => [1, typeCodes[l]])), ...f.code, 0x0b];
        return [...unsigned(body.length), ...body];
      }),
    ),
  ]);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { host: { memory } });
  return instance.exports as Record<N, (...values: number[]) => void>;
}
