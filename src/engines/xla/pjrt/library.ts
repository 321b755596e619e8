/** A loaded plugin: its function table, the check of its version, and its errors as exceptions. */

import koffi, { type KoffiFunc } from "koffi";
import { EngineError, OutOfMemoryError } from "../../../errors/errors.js";
import { messageOf } from "../../../errors/message-of.js";
import { pjrtApi, pjrtApiVersion, pjrtEnums, pjrtFunctions } from "../pjrt-api.generated.js";
import { decodeNamedValues, type NamedValue } from "./named-values.js";
import { type Pointer, readBytes, Struct, type StructName } from "./struct.js";

export type FunctionName = keyof typeof pjrtFunctions;
export type ErrorCode = keyof typeof pjrtEnums.Error_Code;
type CallName = { [F in FunctionName]: `${F}_Args` extends StructName ? F : never }[FunctionName];

/** A failure inside the plugin, with its message and status code. */
export class PjrtError extends EngineError {
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** The oldest minor version of the API with everything the client needs (compiled memory statistics came last). */
const oldestMinor = 54;

/**
 * A PJRT plugin. A shared library belongs to the process, so there is one object per path: the same file loaded again
 * is the same plugin, initialised once.
 */
export class PjrtLibrary {
  static readonly #open = new Map<string, PjrtLibrary>();

  readonly version: { readonly major: number; readonly minor: number };
  readonly #size: number;
  readonly #functions = new Map<FunctionName, KoffiFunc<(args: Buffer) => bigint | number>>();
  readonly #live = new Map<string, number>();

  /**
   * Loads the plugin at `path` and initialises it. Throws EngineError if it is not a plugin that this client can use.
   */
  static open(path: string): PjrtLibrary {
    let library = PjrtLibrary.#open.get(path);
    if (!library) {
      library = new PjrtLibrary(path, loadApi(path));
      library.call("Plugin_Initialize", new Struct("Plugin_Initialize_Args"), `initialising the plugin "${path}"`);
      PjrtLibrary.#open.set(path, library);
    }
    return library;
  }

  private constructor(
    readonly path: string,
    private readonly api: Pointer,
  ) {
    this.#size = Number(readBytes(api, 8).readBigUInt64LE(0));
    const version = readBytes(api + BigInt(pjrtApi.version), 24);
    this.version = { major: version.readInt32LE(16), minor: version.readInt32LE(20) };
    const { major, minor } = this.version;
    if (major !== pjrtApiVersion.major || minor < oldestMinor) {
      throw new EngineError(
        `The plugin "${path}" speaks version ${major}.${minor} of the PJRT C API, but deit needs ${pjrtApiVersion.major}.${oldestMinor} or a later ${pjrtApiVersion.major}.x; install a newer plugin with "deit engine install".`,
      );
    }
  }

  /** Whether the plugin has a function (its table is long enough and the entry is filled). */
  has(name: FunctionName): boolean {
    const at = pjrtFunctions[name];
    return at + 8 <= this.#size && readBytes(this.api + BigInt(at), 8).readBigUInt64LE(0) !== 0n;
  }

  /** Calls a function and throws PjrtError if it returns an error; `doing` describes the work in the message. */
  call<F extends CallName>(name: F, args: Struct<`${F}_Args`>, doing: string): Struct<`${F}_Args`> {
    this.#check(this.#function(name)(args.bytes), doing);
    return args;
  }

  /** The same on a thread of the pool, for calls that take long or block. */
  async callAsync<F extends CallName>(name: F, args: Struct<`${F}_Args`>, doing: string): Promise<Struct<`${F}_Args`>> {
    const error = await new Promise<bigint | number>((resolve, reject) => {
      this.#function(name).async(args.bytes, (failure: unknown, result: bigint | number) =>
        failure ? reject(failure) : resolve(result),
      );
    });
    this.#check(error, doing);
    return args;
  }

  /** What the plugin reports about itself, including `stablehlo_current_version` and `xla_version`. */
  attributes(): Map<string, NamedValue> {
    const args = this.call(
      "Plugin_Attributes",
      new Struct("Plugin_Attributes_Args"),
      "reading the plugin's attributes",
    );
    return decodeNamedValues(args.pointer("attributes"), args.number("num_attributes"));
  }

  /** Native objects not yet freed, by kind. Empty after everything is disposed, as tests check. */
  get liveHandles(): ReadonlyMap<string, number> {
    return new Map([...this.#live].filter(([, n]) => n > 0));
  }

  /** Keeps the count of live objects; called only by handles. */
  count(kind: string, change: 1 | -1): void {
    this.#live.set(kind, (this.#live.get(kind) ?? 0) + change);
  }

  #function(name: FunctionName) {
    let f = this.#functions.get(name);
    if (!f) {
      if (!this.has(name)) {
        throw new EngineError(
          `The plugin "${this.path}" (PJRT C API ${this.version.major}.${this.version.minor}) lacks the function ${name}; install a newer plugin.`,
        );
      }
      const entry = readBytes(this.api + BigInt(pjrtFunctions[name]), 8).readBigUInt64LE(0);
      f = koffi.decode(entry, koffi.proto("uintptr_t", ["void *"])) as KoffiFunc<(args: Buffer) => bigint | number>;
      this.#functions.set(name, f);
    }
    return f;
  }

  #check(result: bigint | number | undefined, doing: string): void {
    const error = BigInt(result ?? 0);
    if (error === 0n) return;
    const code = this.#errorCode(error);
    const text = new Struct("Error_Message_Args", { error });
    this.#function("Error_Message")(text.bytes);
    const words = text.string("message", "message_size");
    this.#function("Error_Destroy")(new Struct("Error_Destroy_Args", { error }).bytes);
    const message = `XLA failed while ${doing}: ${words.trim() || "the plugin returned no message"} (${code}).`;
    throw code === "RESOURCE_EXHAUSTED" ? new OutOfMemoryError(message) : new PjrtError(code, message);
  }

  #errorCode(error: Pointer): ErrorCode {
    const args = new Struct("Error_GetCode_Args", { error });
    if (this.#function("Error_GetCode")(args.bytes)) return "UNKNOWN";
    const code = args.number("code");
    const entry = Object.entries(pjrtEnums.Error_Code).find(([, value]) => value === code);
    return (entry?.[0] ?? "UNKNOWN") as ErrorCode;
  }
}

/** Address of the plugin's function table. */
function loadApi(path: string): Pointer {
  try {
    // The compiler inside a plugin recurses deeper than koffi's own default stacks allow (see its "koffi.config").
    koffi.config({ sync_stack_size: 16 * 2 ** 20, async_stack_size: 16 * 2 ** 20 });
  } catch {
    // A library has already been loaded, so the sizes can no longer change.
  }
  // Plugins write warnings about their internals to standard error; keep only errors.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  try {
    pin(path);
    const api = koffi.load(path).func("GetPjrtApi", "void *", [])() as Pointer | null;
    if (api) return api;
  } catch (cause) {
    const reason = messageOf(cause);
    throw new EngineError(
      `Cannot load the PJRT plugin "${path}": ${reason}. It must be a shared library for this system with the symbol GetPjrtApi; install one with "deit engine install".`,
      { cause },
    );
  }
  throw new EngineError(`The PJRT plugin "${path}" returned no function table; it is not usable.`);
}

/**
 * Keeps the library in memory permanently. Plugins run threads and register destructors that crash the process when the
 * library is closed, and koffi closes its libraries when the process ends.
 */
function pin(path: string): void {
  if (process.platform === "win32") return;
  const [now, noDelete] = process.platform === "darwin" ? [2, 0x80] : [2, 0x1000];
  koffi.load(null).func("dlopen", "void *", ["str", "int"])(path, now | noDelete);
}
