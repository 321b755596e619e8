/** The XLA engine: runs programs as StableHLO on any PJRT plugin, on one device or several. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { EngineError } from "../../errors/errors.js";
import { messageOf } from "../../errors/message-of.js";
import type { Message } from "../../errors/sentence.js";
import { cacheFolder } from "../../system/files/cache-folder.js";
import { hostMemory } from "../../system/memory.js";
import { processorFeatures } from "../../system/processor.js";
import { trimHeap } from "../../system/unused-memory.js";
import { type NamedTensors, type Program, simplify } from "../../tensor/index.js";
import type { CompileOptions, DeviceState, Engine, EngineInfo, Executable, MemoryNeed } from "../engine.js";
import { requireMemory } from "../memory.js";
import { XlaExecutable } from "./executable.js";
import { withFusedAttention } from "./fused-attention.js";
import { Mesh } from "./mesh.js";
import { withBfloat16Products, withoutMarks } from "./mixed-precision.js";
import { openClient, type ProcessOptions } from "./open-client.js";
import { Pipeline } from "./pipeline.js";
import type { ClientOptions, PjrtClient } from "./pjrt/client.js";
import { encodeCompileOptions, type XlaFlag } from "./pjrt/compile-options.js";
import type { LoadedExecutable } from "./pjrt/executable.js";
import { type InstalledPlugin, resolvePlugin } from "./plugins/store.js";
import { withRowProducts } from "./products.js";
import { ProgramCache } from "./program-cache.js";
import { withReductions } from "./reductions.js";
import { stablehloText } from "./stablehlo.js";
import { type DeviceContext, XlaState } from "./state.js";

export interface XlaEngineOptions {
  /** A plugin's name or the path of its library (default: `DEIT_PJRT_PLUGIN`, else the CPU plugin). */
  readonly plugin?: string;
  /** Number of devices to split batches over (default: all of the plugin's; one on the CPU). */
  readonly devices?: number;
  /** Options of the plugin's client, such as `preallocate` and `memory_fraction` on GPUs. */
  readonly client?: ClientOptions;
  /** Compiler flags for every program. */
  readonly flags?: Readonly<Record<string, XlaFlag>>;
  /** Folder for compiled programs; false compiles each time. */
  readonly cache?: string | false;
  /** State that is split over the devices of a process instead of replicated on each (default: none). */
  readonly splitState?: (name: string) => boolean;
  /** This process's index among several that run the same programs together. */
  readonly process?: ProcessOptions;
  /**
   * Whether bfloat16 programs use cuDNN's fused attention (default: on CUDA, unless `DEIT_FUSED_ATTENTION`
   * is `off`). A program that the plugin cannot compile with it is compiled without.
   */
  readonly fusedAttention?: boolean;
  /** Receives what does not stop the engine, but its user should know. */
  readonly onNote?: (note: Message) => void;
}

/** Loads the plugin and opens its devices. Throws EngineError if it is not installed or does not work here. */
export async function createXlaEngine(options: XlaEngineOptions = {}): Promise<XlaEngine> {
  const plugin = await resolvePlugin(options.plugin);
  const { devices: wanted, process: place, splitState } = options;
  const client = await openClient(plugin, { devices: wanted, client: options.client, process: place });
  const devices = client.devices.slice(0, wanted ?? (client.platform === "cpu" ? 1 : undefined));
  const mesh = new Mesh({ devices: devices.length, process: place, splitState });
  const folder = options.cache ?? join(cacheFolder(), "programs");
  const machine = await machineKey(plugin, client);
  const { fusedAttention = client.platform === "cuda" && wantsFusedAttention(), onNote } = options;
  return new XlaEngine(
    plugin,
    { client, devices, mesh, pipeline: new Pipeline(runsInFlight) },
    { flags: options.flags ?? {}, fusedAttention, onNote },
    folder === false ? undefined : new ProgramCache(folder),
    machine,
  );
}

/** What the environment says about fused attention. Throws EngineError if it is not understood. */
function wantsFusedAttention(): boolean {
  const { DEIT_FUSED_ATTENTION: wanted = "on" } = process.env;
  if (wanted !== "on" && wanted !== "off")
    throw new EngineError(`The environment variable DEIT_FUSED_ATTENTION is "${wanted}"; set it to on or off.`);
  return wanted === "on";
}

interface Settings {
  readonly flags: Readonly<Record<string, XlaFlag>>;
  readonly fusedAttention: boolean;
  readonly onNote?: (note: Message) => void;
}

/** One run on the device and one on its way to it. */
const runsInFlight = 2;

export class XlaEngine implements Engine {
  readonly info: EngineInfo;
  private readonly client: PjrtClient;
  readonly #context: DeviceContext;
  /** Programs by key, so that one compiled twice is loaded once. */
  readonly #programs = new Map<string, { users: number; loaded: Promise<LoadedExecutable> }>();
  readonly #states = new Set<XlaState>();
  #closed = false;
  /** Whether programs are to use fused attention: until the plugin has failed to compile one with it. */
  #fusesAttention: boolean;

  constructor(
    plugin: InstalledPlugin,
    context: DeviceContext,
    private readonly settings: Settings,
    private readonly cache: ProgramCache | undefined,
    private readonly machine: string,
  ) {
    const { client, mesh } = context;
    this.#context = context;
    this.#fusesAttention = settings.fusedAttention;
    this.client = client;
    const { major, minor } = client.library.version;
    this.info = {
      engine: "xla",
      platform: client.platform,
      version: `${plugin.name} ${plugin.version} (PJRT C API ${major}.${minor})`,
      devices: mesh.size,
      process: mesh.process.count > 1 ? mesh.process : undefined,
      precisions: ["float32", "bfloat16"],
    };
  }

  async createState(tensors: NamedTensors): Promise<DeviceState> {
    this.#open();
    const state: XlaState = new XlaState(this.#context, () => this.#states.delete(state));
    this.#states.add(state);
    await state.write(tensors);
    return state;
  }

  async compile(program: Program, { precision }: CompileOptions = {}): Promise<Executable> {
    const { loaded, release } = await this.#obtain(program, precision);
    try {
      requireMemory(program, this.#need(loaded));
      return new XlaExecutable(program, this.#context, loaded, release);
    } catch (error) {
      await release();
      throw error;
    }
  }

  async memoryNeed(program: Program, { precision }: CompileOptions = {}): Promise<MemoryNeed | undefined> {
    const { loaded, release } = await this.#obtain(program, precision);
    try {
      return this.#need(loaded);
    } finally {
      await release();
    }
  }

  /** The program on the device, compiled or from the cache; each caller must release it. */
  async #obtain(program: Program, precision: CompileOptions["precision"]) {
    this.#open();
    const text = this.stablehlo(program, precision);
    const plain = this.#fusesAttention ? this.stablehlo(program, precision, false) : text;
    if (text === plain) return this.#obtainText(program, text);
    try {
      return await this.#obtainText(program, text);
    } catch (error) {
      // If it was not for attention, this fails as well.
      const obtained = await this.#obtainText(program, plain);
      if (this.#fusesAttention) this.settings.onNote?.(withoutFusedAttention(error));
      this.#fusesAttention = false;
      return obtained;
    }
  }

  async #obtainText(program: Program, text: string) {
    const { client, devices: own, mesh } = this.#context;
    const partitions = mesh.size;
    const devices = (mesh.process.count > 1 ? client.allDevices : own).map((d) => d.id);
    const options = { partitions, devices, flags: this.settings.flags };
    const key = createHash("sha256")
      .update(this.machine)
      .update(encodeCompileOptions(options))
      .update(`process ${mesh.process.index}`)
      .update(text)
      .digest("hex");
    let entry = this.#programs.get(key);
    if (!entry) {
      entry = {
        users: 0,
        loaded: this.#load(program.name, key, () => this.client.compile(program.name, text, options)).finally(trimHeap),
      };
      this.#programs.set(key, entry);
    }
    const held = entry;
    held.users++;
    const release = async () => {
      if (--held.users > 0) return;
      this.#programs.delete(key);
      (await held.loaded.catch(() => undefined))?.destroy();
    };
    try {
      return { loaded: await held.loaded, release };
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** The text that `compile` passes to the plugin. */
  stablehlo(
    program: Program,
    precision: CompileOptions["precision"] = "float32",
    fusesAttention = this.#fusesAttention,
  ): string {
    const { platform } = this.info;
    const { mesh } = this.#context;
    const target = { engine: "stablehlo", platform } as const;
    const fused = fusesAttention && precision === "bfloat16" ? withFusedAttention(program, target, mesh.axes) : program;
    const plain = simplify(fused, target);
    const policy = precision === "bfloat16" ? withBfloat16Products(plain) : withoutMarks(plain);
    // On several devices the transposes would move the batch away from the axis that is split.
    const fitted = platform !== "cpu" ? withReductions(policy) : mesh.size === 1 ? withRowProducts(policy) : policy;
    return stablehloText(simplify(fitted, target), { mesh });
  }

  /** Native objects not yet freed, by kind; empty after `close`. */
  get liveHandles(): ReadonlyMap<string, number> {
    return this.client.library.liveHandles;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const state of this.#states) await state.dispose();
    await this.#context.pipeline.idle();
    for (const { loaded } of this.#programs.values()) (await loaded.catch(() => undefined))?.destroy();
    this.#programs.clear();
    await this.client.close();
  }

  #open(): void {
    if (this.#closed) throw new EngineError("The XLA engine was closed; create a new one.");
  }

  async #load(name: string, key: string, compile: () => Promise<LoadedExecutable>): Promise<LoadedExecutable> {
    const stored = await this.cache?.get(key);
    if (stored) {
      try {
        return await this.client.deserialize(name, stored);
      } catch {
        await this.cache?.remove(key);
      }
    }
    const loaded = await compile();
    if (this.cache) {
      try {
        await this.cache.put(key, await loaded.serialize());
      } catch {
        // Not every plugin can save programs, and a full disk is not a reason to stop: the program is recompiled next
        // time.
      }
    }
    return loaded;
  }

  /** The program's memory as the plugin reports it. Devices that are parts of this machine share its memory. */
  #need(loaded: LoadedExecutable): MemoryNeed | undefined {
    const memory = loaded.memory();
    if (!memory) return undefined;
    const needed = memory.argumentBytes + memory.outputBytes - memory.aliasBytes + memory.temporaryBytes;
    if (this.client.platform === "cpu")
      return { needed: needed * this.#context.devices.length, counted: true, ...hostMemory() };
    const device = this.#context.devices[0].memory();
    if (device?.bytesLimit === undefined) return undefined;
    return { needed, counted: true, limit: device.bytesLimit, free: device.bytesLimit - device.bytesInUse };
  }
}

function withoutFusedAttention(error: unknown): Message {
  return `The plugin cannot compile cuDNN's fused attention here, so attention is computed as matrix products, which is slower (set DEIT_FUSED_ATTENTION=off to do so from the start): ${messageOf(error).split("\n", 1)[0]}`;
}

/** Everything a compiled program depends on besides its text and options: plugin, device, instruction set. */
async function machineKey(plugin: InstalledPlugin, client: PjrtClient): Promise<string> {
  const library = await stat(plugin.library);
  const features = [...((await processorFeatures()) ?? [])].join(" ");
  const { kind } = client.devices[0];
  const parts = [library.size, Math.floor(library.mtimeMs), client.platform, client.platformVersion, kind];
  return JSON.stringify([plugin.version, ...parts, cpus()[0]?.model, features, process.arch, process.env.XLA_FLAGS]);
}
