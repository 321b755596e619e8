/** Tensors that live on the devices, whole on each, between runs. */
import { EngineError } from "../../errors.js";
import type { HostTensor, NamedTensors } from "../../tensor/index.js";
import type { DeviceState } from "../engine.js";
import type { Pipeline } from "./pipeline.js";
import type { DeviceBuffer } from "./pjrt/buffer.js";
import type { PjrtClient, Upload } from "./pjrt/client.js";
import type { Device } from "./pjrt/device.js";
import { settleAll } from "./pjrt/handle.js";

/** What state and executables share with their engine. */
export interface DeviceContext {
  readonly client: PjrtClient;
  /** The devices in use. */
  readonly devices: readonly Device[];
  readonly pipeline: Pipeline;
}

/** One tensor per device. */
export type Replicas = readonly DeviceBuffer[];

export class XlaState implements DeviceState {
  readonly #tensors = new Map<string, Replicas>();
  #lost: string | undefined;

  constructor(
    readonly context: DeviceContext,
    private readonly onDispose: () => void,
  ) {}

  write(tensors: NamedTensors): Promise<void> {
    return this.context.pipeline.exclusive(async () => {
      const uploads = new Map<string, Upload[]>();
      try {
        for (const [name, tensor] of tensors)
          uploads.set(name, upload(this.context, tensor, `writing state "${name}"`));
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
          list.map((u) => u.buffer),
        );
    });
  }

  read(names?: readonly string[]): Promise<Map<string, HostTensor>> {
    return this.context.pipeline.exclusive(async () => {
      const wanted = (names ?? [...this.#tensors.keys()]).map((name) => ({
        name,
        source: this.get(name, "reading state")[0],
      }));
      const copies = wanted.map(({ name, source }) => ({ name, ...source.startCopy(`reading state "${name}"`) }));
      await settleAll(
        copies.map((c) => c.done),
        "reading state",
      );
      return new Map(copies.map(({ name, tensor }) => [name, tensor]));
    });
  }

  dispose(): Promise<void> {
    return this.context.pipeline.exclusive(async () => {
      for (const replicas of this.#tensors.values()) destroy(replicas);
      this.#tensors.clear();
      this.onDispose();
    });
  }

  /** The buffers of a tensor, one per device. */
  get(name: string, doing: string): Replicas {
    if (this.#lost !== undefined) throw new EngineError(this.#lost);
    const found = this.#tensors.get(name);
    if (!found) throw new EngineError(`There is no state named "${name}" on the device (${doing}); write it first.`);
    return found;
  }

  /** Puts new buffers under a name and frees the old ones. */
  replace(name: string, replicas: Replicas): void {
    const old = this.#tensors.get(name);
    this.#tensors.set(name, replicas);
    if (old) destroy(old);
  }

  /** After a failed run that had taken the state's memory: nothing of it can be used any more. */
  lose(reason: string): void {
    this.#lost ??= reason;
  }
}

/** Starts the copy of a whole tensor to every device. */
export function upload({ client, devices }: DeviceContext, tensor: HostTensor, doing: string): Upload[] {
  return devices.map((device) => client.upload(tensor, device, doing));
}

function destroy(replicas: Replicas): void {
  for (const buffer of replicas) buffer.destroy();
}
