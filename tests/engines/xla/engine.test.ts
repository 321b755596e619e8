import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { collectives } from "../../../src/engines/xla/collectives.js";
import { createXlaEngine, type XlaEngine, type XlaEngineOptions } from "../../../src/engines/xla/engine.js";
import type { XlaExecutable } from "../../../src/engines/xla/executable.js";
import type { XlaState } from "../../../src/engines/xla/state.js";
import {
  add,
  constant,
  float32,
  gradient,
  type HostTensor,
  hostTensor,
  input,
  layerNorm,
  linear,
  matmul,
  mul,
  type Program,
  program,
  reduceSum,
  scalar,
  sub,
  zeros,
} from "../../../src/tensor/index.js";
import { describeWithXla } from "../../setup/xla.js";

let folder: string;
const engines: XlaEngine[] = [];
async function engine(options: XlaEngineOptions = {}): Promise<XlaEngine> {
  const created = await createXlaEngine({ plugin: "cpu", cache: false, ...options });
  engines.push(created);
  return created;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deit-xla-"));
});
afterAll(async () => {
  for (const e of engines) await e.close();
  expect([...engines[0].liveHandles]).toEqual([]);
  await rm(folder, { recursive: true });
});

const wave = (shape: readonly number[], phase: number): HostTensor => {
  const t = zeros("float32", shape);
  return hostTensor(
    "float32",
    shape,
    (t.data as Float32Array).map((_, i) => Math.sin(phase + i * 0.7)),
  );
};

/** Two layers and a norm, trained by gradient descent on a squared error; the batch is split over devices. */
function training(batch: number): {
  built: Program;
  state: () => Map<string, HostTensor>;
  data: Map<string, HostTensor>;
} {
  const x = input("x", "float32", [batch, 12]);
  const target = input("target", "float32", [batch, 5]);
  const shapes = { w1: [16, 12], b1: [16], scale: [16], shift: [16], w2: [5, 16], b2: [5] };
  const parameters = Object.fromEntries(Object.entries(shapes).map(([n, s]) => [n, input(n, "float32", s)]));
  const { w1, b1, scale, shift, w2, b2 } = parameters;
  const output = linear(layerNorm(linear(x, w1, b1), scale, shift), w2, b2);
  const difference = sub(output, target);
  const loss = mul(reduceSum(mul(difference, difference)), 1 / batch);
  const slopes = gradient(loss, Object.values(parameters));
  return {
    built: program({
      name: "descent",
      outputs: { loss, output },
      updates: new Map(Object.keys(shapes).map((n, i) => [n, sub(parameters[n], mul(slopes[i], 0.01))])),
      state: Object.keys(shapes),
      batch: ["x", "target", "output"],
    }),
    state: () => new Map(Object.entries(shapes).map(([n, s], i) => [n, wave(s, i)])),
    data: new Map([
      ["x", wave([batch, 12], 10)],
      ["target", wave([batch, 5], 20)],
    ]),
  };
}

async function descend(on: XlaEngine, steps: number, precision: "float32" | "bfloat16" = "float32") {
  const { built, state, data } = training(16);
  const executable = await on.compile(built, { precision });
  const held = await on.createState(state());
  const losses: number[] = [];
  let output: HostTensor | undefined;
  for (let i = 0; i < steps; i++) {
    const result = await executable.run(held, data);
    losses.push(result.get("loss")!.data[0] as number);
    output = result.get("output");
  }
  const final = await held.read();
  await held.dispose();
  await executable.dispose();
  return { losses, final, output: output! };
}

const far = (a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number =>
  Math.max(...Array.from(a, (v, i) => Math.abs(Number(v) - Number(b[i]))));

describeWithXla("the XLA engine", () => {
  it("gives the same training on 1, 2, 4 and 8 devices", async () => {
    const one = await descend(await engine(), 20);
    expect(one.losses[19]).toBeLessThan(one.losses[0] / 2);
    for (const devices of [2, 4, 8]) {
      const on = await engine({ devices });
      expect(on.info.devices).toBe(devices);
      const many = await descend(on, 20);
      // Sums run in another order: a few units in the last of 24 bits, carried through 20 steps.
      expect(far(many.losses, one.losses)).toBeLessThan(2e-5);
      expect(many.output.shape).toEqual([16, 5]);
      expect(far(many.output.data, one.output.data)).toBeLessThan(2e-5);
      for (const [name, tensor] of one.final) expect(far(many.final.get(name)!.data, tensor.data)).toBeLessThan(2e-5);
    }
  });

  it("sums over devices once per gradient, and nothing else goes between them", async () => {
    const { built } = training(16);
    const alone = (await (await engine()).compile(built)) as XlaExecutable;
    expect(collectives(alone.loaded.optimizedProgram())).toEqual([]);
    const split = (await (await engine({ devices: 4 })).compile(built)) as XlaExecutable;
    const found = collectives(split.loaded.optimizedProgram());
    expect(found.map((c) => c.kind)).toEqual(["all-reduce"]);
    // Six gradients and the loss, 4 bytes each.
    const values = 16 * 12 + 16 + 16 + 16 + 5 * 16 + 5 + 1;
    expect(found[0].bytes).toBe(4 * values);
  });

  it("multiplies matrices in bfloat16 and keeps the rest in float32", async () => {
    const on = await engine();
    const { built } = training(16);
    const text = on.stablehlo(built, "bfloat16");
    const products = [
      ...text.matchAll(/dot_general.*: \(tensor<[^>]*x(\w+)>, tensor<[^>]*>\) -> tensor<[^>]*?(\w+)>/g),
    ];
    expect(products.map((m) => m[1])).toContain("bf16");
    expect(new Set(products.map((m) => m[2].replace(/.*x/, "")))).toEqual(new Set(["f32"]));
    // Sums run over the rounded values, in float32.
    expect(text).toMatch(/stablehlo\.reduce.*tensor<\d+x\d+xf32>/);
    expect(text).not.toMatch(/stablehlo\.reduce.*bf16/);
    const exact = await descend(on, 20);
    const rounded = await descend(on, 20, "bfloat16");
    expect(rounded.losses[0]).not.toBe(exact.losses[0]);
    // bfloat16 has 8 bits (2⁻⁸ = 0.4 %).
    rounded.losses.forEach((loss, i) => {
      expect(Math.abs(loss / exact.losses[i] - 1)).toBeLessThan(0.01);
    });
    for (const tensor of rounded.final.values()) expect(tensor.dtype).toBe("float32");
  });

  it("keeps order over runs, reads and writes that are made at once", async () => {
    const on = await engine();
    const x = input("x", "float32", []);
    const double = await on.compile(
      program({ name: "double", outputs: { before: x }, updates: new Map([["x", add(x, x)]]), state: ["x"] }),
    );
    const state = await on.createState(new Map([["x", float32([], [1])]]));
    const runs = [double.run(state, new Map()), double.run(state, new Map()), double.run(state, new Map())];
    const middle = state.read();
    const written = state.write(new Map([["x", float32([], [100])]]));
    const last = double.run(state, new Map());
    const seen = await Promise.all(runs);
    expect(seen.map((r) => r.get("before")!.data[0])).toEqual([1, 2, 4]);
    expect((await middle).get("x")!.data[0]).toBe(8);
    await written;
    expect((await last).get("before")!.data[0]).toBe(100);
    expect((await state.read(["x"])).get("x")!.data[0]).toBe(200);
    await expect(state.read(["y"])).rejects.toThrow('no state named "y"');
    await state.dispose();
    await expect(double.run(state, new Map())).rejects.toThrow(/no state named "x".*running program "double"/);
    await double.dispose();
  });

  it("reports lost state instead of returning what is left", async () => {
    const state = (await (await engine()).createState(new Map([["x", float32([], [1])]]))) as XlaState;
    state.lose("the state is gone; start again");
    state.lose("a later reason");
    await expect(state.read()).rejects.toThrow("the state is gone; start again");
    await state.dispose();
  });

  it("shares one compiled program and refuses another engine's state", async () => {
    const [a, b] = [await engine(), await engine()];
    const { built, data, state } = training(4);
    const [first, second] = await Promise.all([a.compile(built), a.compile(built)]);
    await first.dispose();
    const foreign = await b.createState(state());
    await expect(second.run(foreign, data)).rejects.toThrow(/made by another engine/);
    const own = await a.createState(state());
    expect((await second.run(own, data)).get("loss")!.shape).toEqual([]);
    await second.dispose();
  });

  it("keeps compiled programs on disk and recompiles a damaged one", async () => {
    const cache = join(folder, "programs");
    const on = await engine({ cache });
    const first = await descend(on, 3);
    const [name, ...others] = await readdir(cache);
    expect(others).toEqual([]);
    const again = await engine({ cache });
    expect((await descend(again, 3)).losses).toEqual(first.losses);
    const content = await readFile(join(cache, name));
    content[content.length >> 1] ^= 255;
    await writeFile(join(cache, name), content);
    expect((await descend(await engine({ cache }), 3)).losses).toEqual(first.losses);
    expect((await readFile(join(cache, name))).equals(content)).toBe(false);
    await descend(await engine({ cache, flags: { xla_cpu_enable_fast_math: false } }), 1);
    expect((await readdir(cache)).length).toBe(2);
  });

  it("writes constants of every kind", async () => {
    const on = await engine();
    const values = [0.1, -0, Infinity, 1e-45, 3.4e38, -7];
    const outputs = {
      floats: constant("float32", [2, 3], values),
      whole: constant("int32", [2, 2], [1, -2, 2147483647, -2147483648]),
      flags: constant("bool", [3], [1, 0, 1]),
      bytes: constant("uint8", [2], [0, 255]),
      half: constant("bfloat16", [2], [1.5, -2]),
      none: scalar(Number.NaN),
    };
    const executable = await on.compile(program({ name: "constants", outputs }));
    const state = await on.createState(new Map());
    const got = await executable.run(state, new Map());
    expect([...(got.get("floats")!.data as Float32Array)]).toEqual(values.map(Math.fround));
    expect([...(got.get("whole")!.data as Int32Array)]).toEqual([1, -2, 2147483647, -2147483648]);
    expect([...(got.get("flags")!.data as Uint8Array)]).toEqual([1, 0, 1]);
    expect([...(got.get("bytes")!.data as Uint8Array)]).toEqual([0, 255]);
    expect([...(got.get("half")!.data as Uint16Array)]).toEqual([0x3fc0, 0xc000]);
    expect(got.get("none")!.data[0]).toBeNaN();
  });

  it("reports what does not fit: batch, memory, devices, closed engine", async () => {
    const two = await engine({ devices: 2 });
    await expect(two.compile(training(5).built)).rejects.toThrow(
      /"x" \[5, 12\] over 2 devices, but 5 is not divisible by 2/,
    );
    const big = input("x", "float32", [1 << 20, 1 << 20]);
    const huge = program({ name: "huge", outputs: { y: reduceSum(matmul(big, big)) } });
    await expect(two.compile(huge)).rejects.toThrow(
      /needs \d+.\d GiB of memory, but the device has .* smaller batch size/,
    );
    const closing = await createXlaEngine({ plugin: "cpu", cache: false });
    await closing.close();
    await closing.close();
    await expect(closing.compile(training(4).built)).rejects.toThrow(/was closed/);
  });

  it("does not grow over 10,000 runs", async () => {
    const on = await engine();
    const { built, data, state } = training(4);
    const executable = await on.compile(built);
    const held = await on.createState(state());
    const resident = async (runs: number) => {
      for (let i = 0; i < runs; i += 2) await Promise.all([executable.run(held, data), executable.run(held, data)]);
      return process.memoryUsage().rss;
    };
    const handles = [...on.liveHandles];
    await resident(2000);
    const early = await resident(2000);
    const late = await resident(6000);
    expect([...on.liveHandles]).toEqual(handles);
    // A leaked buffer of a run (1 KB of outputs and state) would show as 10 MB or more; the heap of JavaScript wavers.
    expect(late - early).toBeLessThan(16 * 2 ** 20);
  });
});
