/** Tensors that live on the devices between runs: replicated on each, or split. */
import { EngineError } from "../../errors/errors.js";
import type { HostTensor, NamedTensors, Shape } from "../../tensor/index.js";
import type { DeviceState } from "../engine.js";
import { joined, partsOf } from "./host-parts.js";
import type { Mesh } from "./mesh.js";
import type { Pipeline } from "./pipeline.js";
import type { DeviceBuffer } from "./pjrt/buffer.js";
import type { PjrtClient, Upload } from "./pjrt/client.js";
import type { Device } from "./pjrt/device.js";
import { settleAll } from "./pjrt/handle.js";

/** What state and executables share with their engine. */
export interface DeviceContext {
  readonly client: PjrtClient;
  /** The devices in use, of this process. */
  readonly devices: readonly Device[];
  readonly mesh: Mesh;
  readonly pipeline: Pipeline;
}

/** One tensor per device: copies, or the parts of a split one in order. */
export type Replicas = readonly DeviceBuffer[];

interface Held {
  /** Shape of the whole tensor. */
  readonly shape: Shape;
  readonly replicas: Replicas;
}

export class XlaState implements DeviceState {
  readonly #tensors = new Map<string, Held>();
  #lost: string | undefined;

  constructor(
    readonly context: DeviceContext,
    private readonly onDispose: () => void,
  ) {}

  write(tensors: NamedTensors): Promise<void> {
    return this.context.pipeline.exclusive(async () => {
      const uploads = new Map<string, Upload[]>();
      try {
        for (const [name, tensor] of tensors) uploads.set(name, this.#upload(name, tensor));
        await settleAll(
          [...uploads.values()].flat().map((u) => u.done),
          "writing state",
        );
      } catch (error) {
        for (const { buffer } of [...uploads.values()].flat()) buffer.destroy();
        throw error;
      }
      for (const [name, list] of uploads)
        this.replace(
          name,
          tensors.get(name)!.shape,
          list.map((u) => u.buffer),
        );
    });
  }

  read(names?: readonly string[]): Promise<Map<string, HostTensor>> {
    return this.context.pipeline.exclusive(async () => {
      const wanted = (names ?? [...this.#tensors.keys()]).map((name) => {
        const { shape, replicas } = this.#find(name, "reading state");
        const axis = this.context.mesh.splitAxis(name, shape);
        return { name, axis, sources: axis === undefined ? replicas.slice(0, 1) : replicas };
      });
      const copies = wanted.map(({ name, axis, sources }) => ({
        ...{ name, axis },
        parts: sources.map((source) => source.startCopy(`reading state "${name}"`)),
      }));
      await settleAll(
        copies.flatMap(({ parts }) => parts.map((p) => p.done)),
        "reading state",
      );
      return new Map(
        copies.map(({ name, axis = 0, parts }) => [
          name,
          joined(
            parts.map((p) => p.tensor),
            axis,
          ),
        ]),
      );
    });
  }

  dispose(): Promise<void> {
    return this.context.pipeline.exclusive(async () => {
      for (const { replicas } of this.#tensors.values()) destroy(replicas);
      this.#tensors.clear();
      this.onDispose();
    });
  }

  /** The buffers of a tensor, one per device. */
  get(name: string, doing: string): Replicas {
    return this.#find(name, doing).replicas;
  }

  /** Stores new buffers under a name and frees the old ones; `shape` is that of the whole tensor. */
  replace(name: string, shape: Shape, replicas: Replicas): void {
    const old = this.#tensors.get(name);
    this.#tensors.set(name, { shape, replicas });
    if (old) destroy(old.replicas);
  }

  /** Called after a failed run that had consumed the state's memory: none of it can be used any more. */
  lose(reason: string): void {
    this.#lost ??= reason;
  }

  #find(name: string, doing: string): Held {
    if (this.#lost !== undefined) throw new EngineError(this.#lost);
    const found = this.#tensors.get(name);
    if (!found) throw new EngineError(`There is no state named "${name}" on the device (${doing}); write it first.`);
    return found;
  }

  #upload(name: string, tensor: HostTensor): Upload[] {
    const { client, devices, mesh } = this.context;
    const axis = mesh.splitAxis(name, tensor.shape);
    const doing = `writing state "${name}"`;
    if (axis === undefined) return upload(this.context, tensor, doing);
    const parts = partsOf(tensor, axis, mesh.devices);
    return devices.map((device, d) => client.upload(parts[d], device, doing));
  }
}

/** Starts the copy of a whole tensor to every device. */
export function upload({ client, devices }: DeviceContext, tensor: HostTensor, doing: string): Upload[] {
  return devices.map((device) => client.upload(tensor, device, doing));
}

function destroy(replicas: Replicas): void {
  for (const buffer of replicas) buffer.destroy();
}
