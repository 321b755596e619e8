import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { chooseEngine, openEngine } from "../../src/engines/open.js";

describe("the choice of an engine", () => {
  let cache: string;
  beforeAll(async () => {
    cache = await mkdtemp(join(tmpdir(), "deit-open-"));
    vi.stubEnv("DEIT_CACHE", cache);
    // Plugins whose libraries are none.
    for (const name of ["cuda12", "cuda13", "cpu"]) {
      const folder = join(cache, "plugins", name);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, "plugin.so"), "not a library");
      await writeFile(
        join(folder, "deit-plugin.json"),
        JSON.stringify({ version: "1.0", library: "plugin.so", downloadBytes: 1 }),
      );
    }
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await rm(cache, { recursive: true });
  });

  it("begins with the fastest accelerator that is installed", async () => {
    expect(await chooseEngine({})).toEqual({
      engine: "xla",
      plugin: "cuda13",
      reason: 'the plugin "cuda13" is installed',
    });
    expect(await chooseEngine({ plugin: "cuda12" })).toMatchObject({ plugin: "cuda12" });
    expect(await chooseEngine({ engine: "onnx" })).toMatchObject({ engine: "onnx" });
  });

  it("moves on to a working engine, and reports those that fail", async () => {
    const heard = vi.fn();
    const engine = await openEngine({}, heard);
    await engine.close();
    expect(engine.info.engine).toBe("onnx");
    const [[chosen, passedOver]] = heard.mock.calls;
    expect(chosen.reason).toMatch(/^no accelerator works, /);
    expect(passedOver.map((p: { choice: { plugin: string } }) => p.choice.plugin)).toEqual(["cuda13", "cuda12"]);
    for (const { error } of passedOver) expect(error).toMatch(/plugin\.so/);
  });

  it("fails if the only suitable engine does not work", async () => {
    await expect(openEngine({ plugin: "cuda12" })).rejects.toThrow(/plugin\.so/);
    await expect(openEngine({ precision: "bfloat16" })).rejects.toThrow(/plugin\.so/);
  });
});
