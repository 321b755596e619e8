/** The embedded engine: ONNX Runtime's CPU provider, in a worker thread. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { EngineError, OutOfMemoryError } from "../../errors/errors.js";
import { sentence, setting, way } from "../../errors/sentence.js";
import { packageRoot } from "../../system/files/package-root.js";
import { hostMemory } from "../../system/memory.js";
import { parseJson } from "../../system/text/json.js";
import { startThread } from "../../system/threads/start-thread.js";
import { workerUrl } from "../../system/threads/worker-url.js";
import { turn } from "../../system/turn.js";
import { copyOf } from "../../tensor/host.js";
import { type HostTensor, type NamedTensors, type Program, type ProgramOutput, simplify } from "../../tensor/index.js";
import { checkData } from "../check-data.js";
import type { CompileOptions, DeviceState, Engine, EngineInfo, Executable, MemoryNeed } from "../engine.js";
import { bytesOf, peakBytes, requireMemory } from "../memory.js";
import { inPlaceUpdates } from "./in-place.js";
import {
  type FileSignature,
  type OutputType,
  type Reply,
  type Request,
  type StateUpdate,
  sequenceOutput,
  type TensorEntries,
} from "./messages.js";
import { onnxModel } from "./model.js";
import { refusedFile } from "./refused-file.js";

/** What idle threads of ONNX Runtime do. */
export type Idle = "spin" | "sleep";

/** Settings of the ONNX engine. */
export interface OnnxEngineOptions {
  /** Threads of ONNX Runtime (default: all available cores). */
  readonly threads?: number;
  /**
   * What its threads do between the parts of a run: `spin` (the default) is the fastest if nothing else computes; with
   * `sleep` they leave the processors to others, such as threads that decode images or other programs.
   */
  readonly idle?: Idle;
  /** Writes ONNX Runtime's profile of every program to files whose paths begin with this. */
  readonly profile?: string;
}

/** A model from a file, opened in an engine's worker. */
export interface FileExecutable {
  readonly signature: FileSignature;
  /** Runs on state of the same engine: `inputs` maps inputs to state. Returns one output. */
  run(
    state: DeviceState,
    inputs: readonly (readonly [input: string, state: string])[],
    output: string,
  ): Promise<HostTensor>;
}

/** Starts the worker. The engine keeps the process alive while it works; closing it frees its memory at once. */
export async function createOnnxEngine(options: OnnxEngineOptions = {}): Promise<Engine> {
  return startOnnxEngine(options);
}

/** The same, for callers that also run models from files. */
export function startOnnxEngine(options: OnnxEngineOptions = {}): OnnxEngine {
  return new OnnxEngine({ ...options, threads: options.threads ?? availableParallelism() });
}

/** ONNX Runtime in a worker; runs programs and also models from files. */
export class OnnxEngine implements Engine {
  readonly info: EngineInfo;
  readonly #worker: Worker;
  readonly #pending = new Map<number, { resolve(reply: Done): void; reject(e: Error): void; what: string }>();
  /** Sessions by a hash of their model, so that a program compiled twice is loaded once. */
  readonly #sessions = new Map<string, { id: number; users: number; loaded: Promise<unknown> }>();
  #next = 0;
  #failure: EngineError | undefined;

  constructor(private readonly options: OnnxEngineOptions & { readonly threads: number }) {
    const { threads } = options;
    this.info = {
      engine: "onnx",
      platform: "cpu",
      version: onnxRuntimeVersion(),
      devices: 1,
      threads,
      precisions: ["float32"],
    };
    this.#worker = startThread(workerUrl("engines/onnx/worker"));
    // The process stays for it until it is loaded, since an end while it loads takes the process along.
    this.send({ kind: "unload", session: -1 }, "starting the engine").catch(() => undefined);
    this.#worker.on("message", (reply: Reply) => this.#settle(reply));
    this.#worker.on("error", (error) => this.#fail(`The ONNX engine's worker stopped: ${error.message}`));
    this.#worker.on("exit", (code) =>
      this.#fail(`The ONNX engine was closed (worker exit code ${code}); create a new one.`),
    );
  }

  async createState(tensors: NamedTensors): Promise<DeviceState> {
    const state = new OnnxState(this, this.#next++);
    await state.write(tensors);
    return state;
  }

  async compile(
    program: Program,
    { precision = "float32", alternates = false }: CompileOptions = {},
  ): Promise<Executable> {
    if (precision !== "float32") {
      throw new EngineError(
        sentence`The ONNX engine computes in float32 only, not ${precision}${way`; use ${setting("precision", "float32")} or ${setting("engine", "xla")}`}.`,
      );
    }
    await turn();
    const lowered = this.#lower(program);
    await turn();
    requireMemory(program, this.#need(lowered));
    await turn();
    const model = onnxModel(lowered, { sequence: sequenceOutput });
    await turn();
    const key = `${createHash("sha256").update(model).digest("hex")}${alternates ? " alternates" : ""}`;
    let session = this.#sessions.get(key);
    if (!session) {
      const id = this.#next++;
      const loaded = this.send(
        {
          kind: "load",
          session: id,
          model,
          threads: this.info.threads!,
          idle: this.options.idle ?? "spin",
          arena: !alternates,
          profile: this.options.profile && `${this.options.profile}-${program.name}`,
        },
        `loading program "${program.name}"`,
      );
      session = { id, users: 0, loaded };
      this.#sessions.set(key, session);
    }
    session.users++;
    await session.loaded;
    const held = session;
    return new OnnxExecutable(this, program, lowered, session.id, async () => {
      if (--held.users > 0) return;
      this.#sessions.delete(key);
      await this.send({ kind: "unload", session: held.id }, `unloading program "${program.name}"`);
    });
  }

  async memoryNeed(program: Program): Promise<MemoryNeed> {
    await turn();
    const lowered = this.#lower(program);
    await turn();
    return this.#need(lowered);
  }

  #lower(program: Program): Program {
    return simplify(program, { engine: "onnx", platform: this.info.platform });
  }

  /**
   * Estimated from the graph, as ONNX Runtime reports nothing before it runs. Its arena needs up to a seventh more than
   * the values in it, and whoever wrote the state may still hold it; steps of DeiT-Ti and -S took between 1.04 and 0.81 of this.
   */
  #need(lowered: Program): MemoryNeed {
    const state = lowered.inputs.filter((i) => i.role === "state");
    const needed = 1.15 * peakBytes(lowered, inPlaceUpdates(lowered)) + 2 * state.reduce((n, s) => n + bytesOf(s), 0);
    return { needed, counted: false, ...hostMemory() };
  }

  /** Opens an ONNX file whose inputs come from state of this engine. */
  async openFile(path: string): Promise<FileExecutable> {
    const session = this.#next++;
    const threads = this.info.threads!;
    const request = this.#request({ kind: "open", session, path, threads }, `opening "${path}"`);
    const { signature } = await request.catch((error: unknown) => {
      throw refusedFile(path, error);
    });
    return {
      signature: signature!,
      run: async (state, inputs, output) => {
        const request = { kind: "run-file", session, state: ownState(state, path), inputs, output } as const;
        const [[, result]] = await this.send(request, `running "${path}"`);
        return result;
      },
    };
  }

  async close(): Promise<void> {
    // The worker replies once ONNX Runtime is loaded and nothing runs; terminated earlier, it would crash the process.
    await this.send({ kind: "unload", session: -1 }, "closing the engine").catch(() => undefined);
    await this.#worker.terminate();
  }

  /** Sends a request to the worker; `what` names it in errors, and the memory `handed` over is no longer usable here. */
  async send(request: Request, what: string, handed: readonly ArrayBuffer[] = []): Promise<TensorEntries> {
    return (await this.#request(request, what, handed)).tensors;
  }

  #request(request: Request, what: string, handed: readonly ArrayBuffer[] = []): Promise<Done> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, what });
      this.#worker.ref();
      this.#worker.postMessage({ id, request }, handed);
    });
  }

  #settle(reply: Reply): void {
    const call = this.#pending.get(reply.id);
    if (!call) return;
    this.#pending.delete(reply.id);
    if (this.#pending.size === 0) this.#worker.unref();
    if (reply.kind === "done") call.resolve(reply);
    else {
      const message = `ONNX Runtime failed while ${call.what}: ${reply.message}`;
      const isMemory = allocationFailed.test(reply.message);
      call.reject(isMemory ? new OutOfMemoryError(message) : new EngineError(message, { cause: reply.message }));
    }
  }

  #fail(message: string): void {
    this.#failure ??= new EngineError(message);
    for (const call of this.#pending.values()) call.reject(this.#failure);
    this.#pending.clear();
  }
}

const allocationFailed = /failed to allocate memory|bad.alloc|array buffer allocation failed/i;

type Done = Extract<Reply, { kind: "done" }>;

class OnnxState implements DeviceState {
  constructor(
    private readonly engine: OnnxEngine,
    readonly id: number,
  ) {}

  async write(tensors: NamedTensors): Promise<void> {
    const copies = [...tensors].map(([name, tensor]) => [name, copyOf(tensor)] as const);
    // Handed over, which spares two more copies: the message's and one of what names may share in it.
    const buffers = copies.map(([, { data }]) => data.buffer as ArrayBuffer);
    await this.engine.send({ kind: "write", state: this.id, tensors: copies }, "writing state", buffers);
  }

  async read(names?: readonly string[]): Promise<Map<string, HostTensor>> {
    return new Map(await this.engine.send({ kind: "read", state: this.id, names }, "reading state"));
  }

  async dispose(): Promise<void> {
    await this.engine.send({ kind: "dispose", state: this.id }, "freeing state");
  }
}

function ownState(state: DeviceState, program: string): number {
  if (state instanceof OnnxState) return state.id;
  throw new EngineError(`Program "${program}" runs on the ONNX engine, but its state was made by another engine.`);
}

class OnnxExecutable implements Executable {
  readonly #stateInputs: readonly string[];
  readonly #updates: readonly StateUpdate[];
  readonly #outputs: readonly OutputType[];

  constructor(
    private readonly engine: OnnxEngine,
    readonly program: Program,
    lowered: Program,
    private readonly session: number,
    private readonly release: () => Promise<void>,
  ) {
    const safe = inPlaceUpdates(lowered);
    this.#stateInputs = program.inputs.filter((i) => i.role === "state").map((i) => i.name);
    const typeOf = ({ name, tensor: { dtype, shape } }: ProgramOutput): OutputType => ({ output: name, dtype, shape });
    this.#outputs = program.outputs.filter((o) => o.updates === undefined).map(typeOf);
    this.#updates = program.outputs.flatMap((o) =>
      o.updates === undefined ? [] : [{ ...typeOf(o), state: o.updates, inPlace: safe.has(o.updates) }],
    );
  }

  async run(state: DeviceState, data: NamedTensors): Promise<Map<string, HostTensor>> {
    const entries = checkData(this.program, data);
    return new Map(
      await this.engine.send(
        {
          kind: "run",
          session: this.session,
          state: ownState(state, this.program.name),
          data: entries,
          stateInputs: this.#stateInputs,
          updates: this.#updates,
          outputs: this.#outputs,
        },
        `running program "${this.program.name}"`,
      ),
    );
  }

  async dispose(): Promise<void> {
    await this.release();
  }
}

function onnxRuntimeVersion(): string {
  const manifest = new URL("vendor/onnxruntime/package.json", packageRoot());
  return (parseJson(readFileSync(manifest, "utf8")) as { version: string }).version;
}
