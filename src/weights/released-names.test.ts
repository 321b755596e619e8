import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readSafetensors, writeSafetensors } from "../formats/safetensors/safetensors.js";
import { recognizeDeit, shapesOf } from "../models/deit-sizes.js";
import type { NamedTensors } from "../tensor/index.js";
import { loadWeights } from "./load.js";

const fixture = new URL("../../tests/fixtures/models/deit3_micro.safetensors", import.meta.url).pathname;

it("reads LayerScale by the names of the original program of DeiT III, in a wrapper too", async () => {
  const { tensors: all } = await readSafetensors(fixture);
  // The weights that timm saved, of which the original program calls only LayerScale's differently.
  const timm: NamedTensors = new Map(
    [...all].flatMap(([name, t]) => (name.startsWith("model.") ? [[name.slice("model.".length), t] as const] : [])),
  );
  const original = (name: string) => name.replace(/ls([12])\.gamma$/, "gamma_$1");
  expect([...timm.keys()].filter((name) => original(name) !== name).length).toBeGreaterThan(1);
  const folder = await mkdtemp(join(tmpdir(), "deit-released-"));
  for (const prefix of ["", "module."]) {
    const path = join(folder, `${prefix}original.safetensors`);
    await writeSafetensors(path, new Map([...timm].map(([name, t]) => [prefix + original(name), t])));
    const { tensors } = await loadWeights(path);
    expect(tensors).toEqual(timm);
    expect(recognizeDeit(shapesOf(tensors))).toEqual(recognizeDeit(shapesOf(timm)));
  }
  await rm(folder, { recursive: true });
});
