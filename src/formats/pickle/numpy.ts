/** Pickles with numpy arrays, such as CIFAR's batches: the bytes of an array are located, not copied. */
import { readPickle } from "./pickle.js";
import { Callable, type Imports, isCount, PickleError, PickleObject, type PickleValue } from "./values.js";

/** An array of one element type; its bytes are a view of the pickle if they are contiguous there. */
export class NumpyArray extends PickleObject {
  shape: readonly number[] = [];
  #type = new NumpyType("");
  bytes: Uint8Array = new Uint8Array();

  /** numpy's code of the element type, such as "u1". */
  get dtype(): string {
    return this.#type.code;
  }

  /** (version, shape, type, column-major?, bytes) */
  override build(state: PickleValue): void {
    if (!Array.isArray(state)) throw malformed();
    const [, shape, type, byColumns, bytes] = state;
    this.fill(shape, type, byColumns !== true && byColumns !== 1, bytes);
  }

  fill(shape: PickleValue, type: PickleValue, byRows: boolean, bytes: PickleValue): this {
    if (!Array.isArray(shape) || !shape.every(isCount) || !(type instanceof NumpyType)) throw malformed();
    if (!byRows || !(bytes instanceof Uint8Array))
      throw new PickleError("holds an array that is not stored row by row as bytes");
    this.shape = shape;
    this.#type = type;
    this.bytes = bytes;
    return this;
  }

  /** The elements of an array of integers; undefined for any other. */
  wholeNumbers(): number[] | undefined {
    const { size } = this.#type;
    const count = this.shape.reduce((product, n) => product * n, 1);
    if (size === undefined || count * size !== this.bytes.length) return undefined;
    return Array.from({ length: count }, (_, i) =>
      this.#type.wholeNumber(this.bytes.subarray(i * size, (i + 1) * size)),
    );
  }
}

/** The type of elements, by numpy's code: `u1`, `i8`, `f4` … */
class NumpyType extends PickleObject {
  #bigEndian = false;

  constructor(readonly code: string) {
    super();
  }

  /** (version, byte order, …) */
  override build(state: PickleValue): void {
    this.#bigEndian = Array.isArray(state) && state[1] === ">";
  }

  /** Bytes of an integer; undefined if the elements are not integers. */
  get size(): number | undefined {
    return /^[iu][1248]$/.test(this.code) ? Number(this.code[1]) : undefined;
  }

  wholeNumber(bytes: Uint8Array): number {
    const digits = this.#bigEndian ? bytes : bytes.toReversed();
    const value = BigInt(`0x${Buffer.from(digits).toString("hex")}`);
    return Number(this.code[0] === "i" ? BigInt.asIntN(8 * bytes.length, value) : value);
  }
}

const malformed = () => new PickleError("holds a malformed array");

type Called = (args: readonly PickleValue[]) => PickleValue;

const classes: Readonly<Record<string, Called>> = {
  ndarray: () => new NumpyArray(),
  dtype: ([code]) => {
    if (typeof code !== "string") throw new PickleError("names an element type that is not a string");
    return new NumpyType(code);
  },
};

/** Functions of `numpy.core`, or `numpy._core` since numpy 2, by their module. */
const functions: Readonly<Record<string, Readonly<Record<string, Called>>>> = {
  multiarray: {
    _reconstruct: () => new NumpyArray(),
    /** (type, bytes): a single element. */
    scalar: ([type, bytes]) => {
      if (!(type instanceof NumpyType) || !(bytes instanceof Uint8Array) || bytes.length !== type.size)
        throw new PickleError("holds a number of numpy's that is not whole");
      return type.wholeNumber(bytes);
    },
  },
  numeric: {
    /** (bytes, type, shape, order), since protocol 5 */
    _frombuffer: ([bytes, type, shape, order]) => new NumpyArray().fill(shape, type, order !== "F", bytes),
  },
};

/** The functions that build numpy's own arrays, and no others. */
const imports: Imports = (module, name) => {
  const inner = /^numpy\._?core\.(multiarray|numeric)$/.exec(module)?.[1];
  const known = module === "numpy" ? classes : inner === undefined ? {} : functions[inner];
  return Object.hasOwn(known, name) ? new Callable(`${module}.${name}`, known[name]) : undefined;
};

/** The value of a pickle with arrays in it. Throws only PickleError, if it is malformed. */
export function readNumpyPickle(bytes: Uint8Array): PickleValue {
  return readPickle(bytes, { imports, longStrings: "bytes" }).value;
}
