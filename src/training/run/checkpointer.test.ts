import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DeviceState } from "../../engines/engine.js";
import { float32 } from "../../tensor/index.js";
import type { RunFolder } from "../run-folder/folder.js";
import { beginning } from "../run-folder/position.js";
import { Checkpointer } from "./checkpointer.js";

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "deit-checkpointer-"));
});
afterEach(() => rm(path, { recursive: true }));

const at = (step: number) => ({ ...beginning, step });
const warnings: string[] = [];
function checkpointer(more: { keep?: number; readOnly?: boolean; confirm?: () => Promise<void> } = {}): Checkpointer {
  const { keep = 2, readOnly, confirm = async () => undefined } = more;
  const folder = { path, changes: {}, file: (name: string) => join(path, name), confirm };
  return new Checkpointer({
    ...{ folder: folder as unknown as RunFolder, names: ["x"], keep, readOnly },
    onWarning: (message) => warnings.push(message),
  });
}
/** A device on which `x` has a value. */
const device = (x: number): DeviceState & { x: number } => ({
  x,
  async read(names) {
    expect(names).toEqual(["x"]);
    return new Map([["x", float32([1], [this.x])]]);
  },
  write: async () => undefined,
  dispose: async () => undefined,
});
const loaded = async (from: Checkpointer) => {
  const { state, position } = (await from.load())!;
  return [state.get("x")!.data[0], position.step];
};

describe("a checkpointer", () => {
  it("has nothing before the first save", async () => {
    expect(await checkpointer().load()).toBeUndefined();
  });

  it("saves the state of the moment of the save, whatever happens to the device meanwhile", async () => {
    const saving = checkpointer();
    const state = device(1);
    await saving.save(state, at(7));
    state.x = 2;
    expect(await loaded(saving)).toEqual([1, 7]);
  });

  it("keeps the requested number of states, and first writes what must not be older", async () => {
    const saving = checkpointer({ keep: 2 });
    const order: string[] = [];
    for (const step of [1, 2, 3])
      await saving.save(device(step), at(step), async (tensors) => {
        order.push(`${tensors.get("x")!.data[0]}: ${(await readdir(path)).includes("state.safetensors")}`);
      });
    expect(await loaded(saving)).toEqual([3, 3]);
    expect(order).toEqual(["1: false", "2: true", "3: true"]);
    expect((await readdir(path)).sort()).toEqual(["state.1.safetensors", "state.json", "state.safetensors"]);
  });

  it("reports a failed save once, when the next one settles, and keeps the previous state", async () => {
    let broken = false;
    const saving = checkpointer({ confirm: () => (broken ? Promise.reject(new Error("lost")) : Promise.resolve()) });
    await saving.save(device(1), at(1));
    await saving.settle();
    broken = true;
    await saving.save(device(2), at(2));
    await expect(saving.settle()).rejects.toThrow("lost");
    await saving.settle();
    expect(await loaded(saving)).toEqual([1, 1]);
  });

  it("neither reads nor writes while another process saves", async () => {
    const idle: DeviceState = { ...device(1), read: () => Promise.reject(new Error("read")) };
    await checkpointer({ readOnly: true }).save(idle, at(1));
    expect(await readdir(path)).toEqual([]);
  });
});
