import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DeviceBuffer } from "../../../src/engines/xla/pjrt/buffer.js";
import { PjrtClient } from "../../../src/engines/xla/pjrt/client.js";
import { encodeCompileOptions } from "../../../src/engines/xla/pjrt/compile-options.js";
import { settle, settleAll } from "../../../src/engines/xla/pjrt/handle.js";
import { decodeNamedValues, encodeNamedValues } from "../../../src/engines/xla/pjrt/named-values.js";
import { addressOf } from "../../../src/engines/xla/pjrt/struct.js";
import { pjrtApi, pjrtFunctions, pjrtStructs } from "../../../src/engines/xla/pjrt-api.generated.js";
import { float32 } from "../../../src/tensor/index.js";
import { describeWithXla, xlaLibrary } from "../../setup/xla.js";

const plugin = xlaLibrary;

/** y = x·2, with x's memory lent to y; the total comes from all parts over the devices. */
const text = (devices: number, n: number) => `module @double attributes {mhlo.num_partitions = ${devices} : i32} {
  sdy.mesh @mesh = <["batch"=${devices}]>
  func.func public @main(%x: tensor<${n}xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"batch"}]>, tf.aliasing_output = 0 : i32})
      -> (tensor<${n}xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"batch"}]>}, tensor<f32> {sdy.sharding = #sdy.sharding<@mesh, []>}) {
    %y = stablehlo.add %x, %x : tensor<${n}xf32>
    %zero = stablehlo.constant dense<0.0> : tensor<f32>
    %sum = stablehlo.reduce(%y init: %zero) applies stablehlo.add across dimensions = [0] : (tensor<${n}xf32>, tensor<f32>) -> tensor<f32>
    return %y, %sum : tensor<${n}xf32>, tensor<f32>
  }
}`;

describe("the generated offsets", () => {
  // Places published in the header's own words: the table begins with its size and version, functions of 8 bytes follow.
  it("have the layout of C", () => {
    expect(pjrtFunctions.Error_Destroy).toBe(pjrtApi.version + pjrtStructs.Api_Version.size);
    const offsets = Object.values(pjrtFunctions);
    offsets.forEach((at, i) => {
      expect(at).toBe(offsets[0] + 8 * i);
    });
    expect(pjrtApi.size).toBe(offsets[offsets.length - 1] + 8);
    expect(pjrtStructs.Event_IsReady_Args.size).toBe(25);
    expect(pjrtStructs.NamedValue.fields.int64_value).toEqual([40, "int64"]);
  });
});

describe("compile options", () => {
  it("are the bytes XLA reads", () => {
    // The smallest options by hand: executable_build_options (3) with 1 replica (4), 1 partition (5), no SPMD (6), the
    // assignment (9) of device 0, no Shardy (19).
    const expected = [0x1a, 20, 0x20, 1, 0x28, 1, 0x30, 0, 0x4a, 9, 8, 1, 0x10, 1, 0x1a, 3, 0x0a, 1, 0, 0x98, 1, 0];
    expect([...encodeCompileOptions({})]).toEqual(expected);
  });
});

describe("named values", () => {
  it("keep their types on the way to native memory and back", () => {
    const values = { name: "näme", count: 4, list: [1, -2, 3], fraction: 0.5, yes: true, no: false };
    const { array, kept } = encodeNamedValues(values);
    expect(Object.fromEntries(decodeNamedValues(addressOf(array), kept.length))).toEqual(values);
  });
});

describeWithXla("a client", () => {
  let client: PjrtClient;
  beforeAll(async () => {
    client = await PjrtClient.create(plugin, { cpu_device_count: 4 });
  });
  afterAll(async () => {
    await client.close();
    expect([...client.library.liveHandles]).toEqual([]);
  });

  it("reports its devices, platform and versions", () => {
    expect(client.platform).toBe("cpu");
    expect(client.devices.map((d) => [d.id, d.kind])).toEqual([0, 1, 2, 3].map((id) => [id, "cpu"]));
    expect(client.library.attributes().get("stablehlo_current_version")).toHaveLength(3);
    expect(client.library.version.major).toBe(0);
  });

  it.each([1, 2, 4])("runs a program on %i devices, with donation, and frees everything", async (devices) => {
    const before = [...client.library.liveHandles];
    const program = await client.compile("double", text(devices, 8), { partitions: devices });
    expect(program.memory()).toMatchObject({ argumentBytes: 32 / devices, aliasBytes: 32 / devices });
    const per = 8 / devices;
    const uploads = client.devices.slice(0, devices).map((device, d) =>
      client.upload(
        float32(
          [per],
          Float32Array.from({ length: per }, (_, i) => d * per + i),
        ),
        device,
      ),
    );
    const { outputs, done } = await program.execute(uploads.map((u) => [u.buffer]));
    await settleAll([...done, ...uploads.map((u) => u.done)], "test");
    const values: number[] = [];
    for (const [y, sum] of outputs) {
      const part = new DeviceBuffer(client.library, y, "float32", [per]);
      const total = new DeviceBuffer(client.library, sum, "float32", []);
      values.push(...((await part.toHost()).data as Float32Array));
      expect((await total.toHost()).data[0]).toBe(56);
      expect(part.deviceBytes).toBe(per * 4);
      part.destroy();
      total.destroy();
    }
    expect(values).toEqual([0, 2, 4, 6, 8, 10, 12, 14]);
    for (const { buffer } of uploads) {
      expect(buffer.isDeleted).toBe(true);
      buffer.destroy();
      buffer.destroy();
    }
    program.destroy();
    expect([...client.library.liveHandles]).toEqual(before);
  });

  it("saves a compiled program and loads it again", async () => {
    const first = await client.compile("double", text(1, 4));
    const second = await client.deserialize("double", await first.serialize());
    const { buffer, done } = client.upload(float32([4], [1, 2, 3, 4]), client.devices[0]);
    await settle(done, "test");
    const run = await second.execute([[buffer]]);
    await settleAll(run.done, "test");
    const [y, sum] = run.outputs[0].map((p, i) => new DeviceBuffer(client.library, p, "float32", i === 0 ? [4] : []));
    expect([...((await y.toHost()).data as Float32Array)]).toEqual([2, 4, 6, 8]);
    expect(second.optimizedProgram().code.length).toBeGreaterThan(100);
    for (const thing of [y, sum, buffer, first, second]) thing.destroy();
  });

  it("throws the plugin's words with our context", async () => {
    await expect(client.compile("broken", "module {")).rejects.toThrow(
      /while compiling program "broken": .*error: expected/s,
    );
    const dims = text(1, 4).replace("-> tensor<f32>\n", "-> tensor<2xf32>\n");
    await expect(client.compile("mistyped", dims)).rejects.toMatchObject({ name: "PjrtError", exitCode: 6 });
    await expect(PjrtClient.create(plugin, { nonsense: 1 })).rejects.toThrow(/nonsense/);
  });

  it("refuses a freed buffer instead of handing it to the plugin", async () => {
    const { buffer, done } = client.upload(float32([1], [1]), client.devices[0]);
    await settle(done, "test");
    buffer.destroy();
    expect(() => buffer.isDeleted).toThrow(/after it was freed/);
  });

  it("explains why a file is not a plugin", async () => {
    await expect(PjrtClient.create(process.execPath)).rejects.toThrow(/Cannot load the PJRT plugin/);
    await expect(PjrtClient.create("/nowhere/plugin.so")).rejects.toThrow(/deit engine install/);
  });
});
