/** A compiled program of the XLA engine: uploads data, runs, keeps state on the devices, downloads outputs. */

import { EngineError } from "../../errors/errors.js";
import { messageOf } from "../../errors/message-of.js";
import type { HostTensor, NamedTensors, Program, ProgramOutput } from "../../tensor/index.js";
import { checkData } from "../check-data.js";
import type { DeviceState, Executable } from "../engine.js";
import { joined, partsOf } from "./host-parts.js";
import { Mesh } from "./mesh.js";
import { DeviceBuffer } from "./pjrt/buffer.js";
import type { Upload } from "./pjrt/client.js";
import type { LoadedExecutable } from "./pjrt/executable.js";
import { type Handle, settleAll } from "./pjrt/handle.js";
import type { Pointer } from "./pjrt/struct.js";
import { type DeviceContext, upload, XlaState } from "./state.js";

/** The outputs of a run, on their way to the host. */
interface Started {
  readonly done: readonly Handle[];
  readonly uploads: readonly Upload[];
  readonly outputs: readonly DeviceBuffer[];
  readonly copies: readonly { readonly name: string; readonly parts: readonly HostTensor[] }[];
  readonly copied: readonly Handle[];
}

export class XlaExecutable implements Executable {
  readonly temporaryBytes: number | undefined;

  constructor(
    readonly program: Program,
    private readonly context: DeviceContext,
    readonly loaded: LoadedExecutable,
    private readonly release: () => Promise<void>,
  ) {
    const memory = loaded.memory();
    this.temporaryBytes = memory && memory.temporaryBytes + memory.outputBytes - memory.aliasBytes;
  }

  async run(state: DeviceState, data: NamedTensors): Promise<Map<string, HostTensor>> {
    if (!(state instanceof XlaState) || state.context !== this.context) {
      throw new EngineError(
        `Program "${this.program.name}" runs on an XLA engine, but its state was made by another engine.`,
      );
    }
    const entries = new Map(checkData(this.program, data, this.context.mesh.process.count));
    return this.context.pipeline.run({
      prepare: async () => this.#upload(entries),
      submit: (uploads) => this.#start(state, uploads),
      finish: (started) => this.#finish(started),
    });
  }

  async dispose(): Promise<void> {
    await this.context.pipeline.exclusive(this.release);
  }

  /** Data by name, one buffer per device: split along the first axis, or whole. */
  #upload(entries: ReadonlyMap<string, HostTensor>): Map<string, Upload[]> {
    const uploads = new Map<string, Upload[]>();
    const doing = `copying data of program "${this.program.name}" to the device`;
    try {
      for (const { name, role, sharding } of this.program.inputs) {
        if (role !== "data") continue;
        const tensor = entries.get(name)!;
        uploads.set(
          name,
          sharding === "batch" ? this.#uploadParts(tensor, doing) : upload(this.context, tensor, doing),
        );
      }
    } catch (error) {
      for (const { buffer, done } of [...uploads.values()].flat()) {
        done.destroy();
        buffer.destroy();
      }
      throw error;
    }
    return uploads;
  }

  #uploadParts(tensor: HostTensor, doing: string): Upload[] {
    const { client, devices } = this.context;
    const parts = partsOf(tensor, 0, devices.length);
    return devices.map((device, d) => client.upload(parts[d], device, doing));
  }

  async #start(state: XlaState, uploads: ReadonlyMap<string, Upload[]>): Promise<Started> {
    const { devices } = this.context;
    const all = [...uploads.values()].flat();
    try {
      const doing = `running program "${this.program.name}"`;
      const inputs = this.program.inputs.map(({ name, role }) =>
        role === "data" ? uploads.get(name)!.map((u) => u.buffer) : state.get(name, doing),
      );
      const { outputs, done } = await this.#execute(
        state,
        devices.map((_, d) => inputs.map((replicas) => replicas[d])),
      );
      const returned: { output: ProgramOutput; buffers: DeviceBuffer[] }[] = [];
      this.program.outputs.forEach((output, i) => {
        const buffers = outputs.map((list) => this.#output(output, list[i]));
        if (output.updates === undefined) returned.push({ output, buffers });
        else state.replace(output.updates, output.tensor.shape, buffers);
      });
      const copied: Handle[] = [];
      const copies = returned.map(({ output, buffers }) => {
        const parts = (output.sharding === "batch" ? buffers : buffers.slice(0, 1)).map((buffer) => {
          const { tensor, done: arrived } = buffer.startCopy(
            `reading output "${output.name}" of program "${this.program.name}"`,
          );
          copied.push(arrived);
          return tensor;
        });
        return { name: output.name, parts };
      });
      return { done, uploads: all, outputs: returned.flatMap((r) => r.buffers), copies, copied };
    } catch (error) {
      await settleAll(
        all.map((u) => u.done),
        "freeing data",
      ).catch(() => undefined);
      for (const { buffer } of all) buffer.destroy();
      throw error;
    }
  }

  async #execute(state: XlaState, inputs: readonly (readonly DeviceBuffer[])[]) {
    try {
      return await this.loaded.execute(inputs);
    } catch (error) {
      const taken = this.program.inputs.some((input, i) => input.role === "state" && inputs[0][i].isDeleted);
      if (taken) {
        const reason = messageOf(error);
        state.lose(
          `The state on the device was lost when program "${this.program.name}" failed (${reason}); start again from the last checkpoint.`,
        );
      }
      throw error;
    }
  }

  #output({ tensor, sharding, updates }: ProgramOutput, pointer: Pointer): DeviceBuffer {
    const { client, mesh } = this.context;
    const { dtype, shape } = tensor;
    const axis = updates === undefined ? undefined : mesh.splitAxis(updates, shape);
    const split = sharding === "batch" ? Mesh.part(shape, 0, mesh.size) : undefined;
    const own = axis === undefined ? (split ?? shape) : Mesh.part(shape, axis, mesh.devices);
    return new DeviceBuffer(client.library, pointer, dtype, own);
  }

  async #finish({ done, uploads, outputs, copies, copied }: Started): Promise<Map<string, HostTensor>> {
    const doing = `running program "${this.program.name}"`;
    try {
      await settleAll([...done, ...copied, ...uploads.map((u) => u.done)], doing);
    } finally {
      for (const buffer of outputs) buffer.destroy();
      for (const { buffer } of uploads) buffer.destroy();
    }
    return new Map(copies.map(({ name, parts }) => [name, joined(parts, 0)]));
  }
}
