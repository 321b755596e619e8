/** Pickles with numpy arrays, such as CIFAR's batches: the bytes of an array are found, not copied. */
import { readPickle } from "./pickle.js";
import { Callable, type Imports, isCount, PickleError, PickleObject, type PickleValue } from "./values.js";

/** An array of one element type; its bytes are a view of the pickle's where they stand there in one piece. */
export class NumpyArray extends PickleObject {
  shape: readonly number[] = [];
  /** numpy's code of the element type, as "u1". */
  dtype = "";
  bytes: Uint8Array = new Uint8Array();

  /** (version, shape, dtype, column by column?, bytes) */
  override build(state: PickleValue): void {
    if (!Array.isArray(state)) throw new PickleError("holds a malformed array");
    const [, shape, dtype, byColumns, bytes] = state;
    if (!Array.isArray(shape) || !shape.every(isCount) || !(dtype instanceof NumpyDtype))
      throw new PickleError("holds a malformed array");
    if (byColumns === true || byColumns === 1 || !(bytes instanceof Uint8Array))
      throw new PickleError("holds an array that is not stored row by row as bytes");
    this.shape = shape;
    this.dtype = dtype.code;
    this.bytes = bytes;
  }
}

class NumpyDtype extends PickleObject {
  constructor(readonly code: string) {
    super();
  }
}

const functions: Readonly<Record<string, (args: readonly PickleValue[]) => PickleValue>> = {
  _reconstruct: () => new NumpyArray(),
  ndarray: () => new NumpyArray(),
  dtype: ([code]) => {
    if (typeof code !== "string") throw new PickleError("names an element type that is not a string");
    return new NumpyDtype(code);
  },
};

/** numpy has moved its functions between modules; they mean the same. */
const imports: Imports = (module, name) =>
  /^numpy(\._?core\.multiarray)?$/.test(module) && Object.hasOwn(functions, name)
    ? new Callable(`${module}.${name}`, functions[name])
    : undefined;

/** The value of a pickle with arrays in it. Throws PickleError, and nothing else, when it is not sound. */
export function readNumpyPickle(bytes: Uint8Array): PickleValue {
  return readPickle(bytes, { imports, longStrings: "bytes" }).value;
}
