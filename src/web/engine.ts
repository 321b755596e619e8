/** The engine of browsers: programs as ONNX models on onnxruntime-web, with their state in the page's memory, or, if frozen, in theirs. */
import type * as Ort from "onnxruntime-web";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-web";
import { checkData } from "../engines/check-data.js";
import type { CompileOptions, DeviceState, Engine, EngineInfo, Executable } from "../engines/engine.js";
import { onnxModel } from "../engines/onnx/model.js";
import { EngineError, OutOfMemoryError } from "../errors/errors.js";
import { messageOf } from "../errors/message-of.js";
import { copyOf } from "../tensor/host.js";
import { type HostTensor, type NamedTensors, type Program, simplify, type TypedArray } from "../tensor/index.js";

/** ONNX Runtime, loaded and configured. */
export interface Runtime {
  readonly ort: typeof Ort;
  readonly provider: "webgpu" | "wasm";
  readonly threads: number;
  readonly version: string;
}

/** An engine on a runtime that was started. Runs are executed one after the other. */
export class WebEngine implements Engine {
  readonly info: EngineInfo;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly runtime: Runtime) {
    const { provider, threads, version } = runtime;
    this.info = {
      engine: "onnx",
      platform: provider === "webgpu" ? "webgpu" : "wasm",
      version,
      devices: 1,
      threads,
      precisions: ["float32"],
    };
  }

  /** Copies the tensors, so that changes of the state do not reach the caller's. */
  async createState(tensors: NamedTensors): Promise<DeviceState> {
    const state = new WebState((work) => this.inTurn(work));
    await state.write(tensors);
    return state;
  }

  /** Throws EngineError for another precision than float32, or a model that ONNX Runtime refuses. */
  async compile(program: Program, { precision = "float32", frozen }: CompileOptions = {}): Promise<Executable> {
    if (precision !== "float32")
      throw new EngineError(
        `The engine of browsers computes in float32 only, not ${precision}; leave the precision out.`,
      );
    const lowered = simplify(program, { engine: "onnx", platform: this.info.platform });
    const { ort, provider } = this.runtime;
    if (frozen !== undefined && !(frozen instanceof WebState)) throw foreignState(program);
    const constants = new Set(frozen ? constantInputs(program) : []);
    const session = await this.inTurn(() =>
      failing(`loading program "${program.name}"`, () =>
        ort.InferenceSession.create(onnxModel(lowered, { constants }), {
          externalData: [...constants].map((name) => ({ path: name, data: bytesOf(frozen!.of(name)) })),
          executionProviders: [provider],
          graphOptimizationLevel: "all",
          // The pattern reserves one block for all temporaries of a run and reuses little of it.
          enableMemPattern: false,
          logSeverityLevel: 3,
        }),
      ),
    );
    const fed = stateInputs(program).filter((name) => !constants.has(name));
    return new WebExecutable(this, this.runtime, program, session, { fed, frozen });
  }

  /** Browsers do not say how much memory there is. */
  async memoryNeed(): Promise<undefined> {
    return undefined;
  }

  /** Sessions are released with their executables; the runtime belongs to the page. */
  async close(): Promise<void> {
    await this.#queue;
  }

  /** Runs work when all that was asked for before has ended. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

const stateInputs = ({ inputs }: Program): readonly string[] =>
  inputs.filter(({ role }) => role === "state").map(({ name }) => name);

/** State that the program reads and does not update. */
function constantInputs(program: Program): readonly string[] {
  const updated = new Set(program.outputs.map(({ updates }) => updates));
  return stateInputs(program).filter((name) => !updated.has(name));
}

const foreignState = ({ name }: Program): EngineError =>
  new EngineError(`Program "${name}" runs in the browser, but its state was made by another engine.`);

const bytesOf = ({ data }: HostTensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

type Turn = <T>(work: () => Promise<T>) => Promise<T>;

class WebState implements DeviceState {
  readonly tensors = new Map<string, HostTensor>();

  constructor(private readonly turn: Turn) {}

  write(tensors: NamedTensors): Promise<void> {
    return this.turn(async () => {
      for (const [name, tensor] of tensors) this.tensors.set(name, copyOf(tensor));
    });
  }

  read(names?: readonly string[]): Promise<Map<string, HostTensor>> {
    return this.turn(async () => {
      const wanted = names ?? [...this.tensors.keys()];
      return new Map(wanted.map((name) => [name, copyOf(this.of(name))]));
    });
  }

  dispose(): Promise<void> {
    return this.turn(async () => this.tensors.clear());
  }

  of(name: string): HostTensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new EngineError(`The state lacks "${name}"; write it first.`);
    return tensor;
  }
}

class WebExecutable implements Executable {
  constructor(
    private readonly engine: WebEngine,
    private readonly runtime: Runtime,
    readonly program: Program,
    private readonly session: InferenceSession,
    /** The state that is built in, and the names of what every run is handed of its state. */
    private readonly state: { readonly frozen?: WebState; readonly fed: readonly string[] },
  ) {}

  async run(state: DeviceState, data: NamedTensors): Promise<Map<string, HostTensor>> {
    const { name } = this.program;
    if (!(state instanceof WebState)) throw foreignState(this.program);
    const { frozen, fed } = this.state;
    if (frozen && state !== frozen)
      throw new EngineError(`Program "${name}" was compiled for another state, which is frozen; run it with that one.`);
    const entries = checkData(this.program, data);
    return this.engine.inTurn(async () => {
      const feeds: Record<string, OrtTensor> = {};
      for (const [input, tensor] of entries) feeds[input] = this.#toOrt(tensor);
      for (const input of fed) feeds[input] = this.#toOrt(state.of(input));
      const results = await failing(`running program "${name}"`, () => this.session.run(feeds));
      const returned = new Map<string, HostTensor>();
      for (const output of this.program.outputs) {
        const value = toHost(results[output.name]);
        if (output.updates === undefined) returned.set(output.name, value);
        else state.tensors.set(output.updates, value);
      }
      return returned;
    });
  }

  dispose(): Promise<void> {
    return this.engine.inTurn(() => this.session.release());
  }

  #toOrt({ dtype, shape, data }: HostTensor): OrtTensor {
    return new this.runtime.ort.Tensor(dtype as never, data as never, [...shape]);
  }
}

const toHost = (t: OrtTensor): HostTensor => ({
  dtype: t.type as HostTensor["dtype"],
  shape: t.dims,
  data: t.data as TypedArray,
});

/** An engine's error for what ONNX Runtime throws. */
async function failing<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const reason = messageOf(cause);
    const message = `ONNX Runtime failed while ${what}: ${reason}`;
    throw /memory|bad_alloc/i.test(reason) ? new OutOfMemoryError(message) : new EngineError(message, { cause });
  }
}
