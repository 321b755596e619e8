/** Opens the devices of a plugin: those of this process, or of several connected processes. */

import type { KeyValueStore } from "../../cluster/process-group.js";
import { EngineError } from "../../errors/errors.js";
import { sentence, setting } from "../../errors/sentence.js";
import { type ClientOptions, PjrtClient } from "./pjrt/client.js";
import type { InstalledPlugin } from "./plugins/store.js";

/** One of several processes that run the same programs. */
export interface ProcessOptions {
  /** Number of this process, counted from 0. */
  readonly index: number;
  /** Number of processes. */
  readonly count: number;
  /** Where their clients find each other. */
  readonly store: KeyValueStore;
  /** Indices of the machine's devices that belong to this process (default: all). */
  readonly visibleDevices?: readonly number[];
}

export interface OpenOptions {
  readonly devices?: number;
  readonly client?: ClientOptions;
  readonly process?: ProcessOptions;
}

export async function openClient(plugin: InstalledPlugin, options: OpenOptions): Promise<PjrtClient> {
  if (plugin.cudaData) addXlaFlag("xla_gpu_cuda_data_dir", plugin.cudaData);
  return options.process ? openTogether(plugin, options, options.process) : openAlone(plugin, options);
}

async function openAlone(plugin: InstalledPlugin, { devices, client: given = {} }: OpenOptions): Promise<PjrtClient> {
  let client = await PjrtClient.create(plugin.library, given);
  // A CPU counts as one device by default; a plugin's platform is known only once it is open.
  if (client.platform === "cpu" && devices !== undefined && devices > client.devices.length) {
    await client.close();
    client = await PjrtClient.create(plugin.library, { ...given, cpu_device_count: devices });
  }
  if (devices !== undefined && devices > client.devices.length) {
    const found = client.devices.length;
    await client.close();
    throw new EngineError(
      sentence`${devices} devices were asked for, but the plugin "${plugin.name}" has ${found}; use ${setting("devices", found)}.`,
    );
  }
  return client;
}

/**
 * The client of one of several processes. GPU plugins take their index and count as the options `node_id` and
 * `num_nodes` (a node is a process to them); CPU plugins have no way to reach other processes.
 */
async function openTogether(
  plugin: InstalledPlugin,
  { client: given }: OpenOptions,
  { index, count, store, visibleDevices }: ProcessOptions,
): Promise<PjrtClient> {
  const alone = sentence`so ${count} processes cannot train together on it; start one process, with ${setting("devices")} for several devices`;
  if (plugin.name === "cpu") {
    throw new EngineError(sentence`The plugin "cpu" has no connection between processes, ${alone}.`);
  }
  const place = { node_id: index, num_nodes: count, ...(visibleDevices && { visible_devices: visibleDevices }) };
  const client = await PjrtClient.create(plugin.library, { ...given, ...place }, store);
  const { devices, allDevices } = client;
  if (allDevices.length === devices.length) {
    await client.close();
    throw new EngineError(sentence`The plugin "${plugin.name}" exposes only this process's own devices, ${alone}.`);
  }
  if (allDevices.length !== count * devices.length) {
    await client.close();
    throw new EngineError(
      sentence`Process ${index} of ${count} has ${devices.length} of ${allDevices.length} devices, but all processes must have the same number; use identical nodes, or ${setting("processesPerNode").of("launch")}.`,
    );
  }
  return client;
}

/** XLA reads its flags once, when a plugin is loaded. */
function addXlaFlag(name: string, value: string): void {
  const flags = process.env.XLA_FLAGS ?? "";
  if (!flags.includes(`--${name}=`)) process.env.XLA_FLAGS = `${flags} --${name}=${value}`.trim();
}
