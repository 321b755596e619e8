/** cuDNN's attention where it cannot be compiled: the CPU plugin has none, which is how a CUDA plugin without it looks. */
import { expect, it, vi } from "vitest";
import { collectives } from "../../../src/engines/xla/collectives.js";
import { createXlaEngine, type XlaEngine } from "../../../src/engines/xla/engine.js";
import type { XlaExecutable } from "../../../src/engines/xla/executable.js";
import type { Message } from "../../../src/errors/sentence.js";
import {
  attention,
  float32,
  gradient,
  input,
  mul,
  type Program,
  program,
  reduceSum,
  zeros,
} from "../../../src/tensor/index.js";
import { describeWithXla } from "../../setup/xla.js";

const shape = [4, 2, 6, 8];
function attending(name: string): Program {
  const [q, k, v] = ["q", "k", "v"].map((n) => input(n, "float32", shape));
  const out = attention(q, k, v);
  const [dq] = gradient(reduceSum(mul(out, out)), [q]);
  return program({ name, outputs: { out, dq }, batch: ["q", "k", "v", "out", "dq"] });
}

const data = new Map(
  ["q", "k", "v"].map((name, i) => {
    const values = (zeros("float32", shape).data as Float32Array).map((_, j) => Math.sin(i + j * 0.7));
    return [name, float32(shape, values)];
  }),
);

async function outputs(engine: XlaEngine, built: Program): Promise<number[][]> {
  const executable = await engine.compile(built, { precision: "bfloat16" });
  const results = await executable.run(await engine.createState(new Map()), data);
  await executable.dispose();
  return ["out", "dq"].map((name) => [...(results.get(name)!.data as Float32Array)]);
}

describeWithXla("fused attention that the plugin cannot compile", () => {
  it("is replaced by products, with one note, and gives the same numbers", async () => {
    const notes: Message[] = [];
    const engine = await createXlaEngine({
      ...{ plugin: "cpu", cache: false, fusedAttention: true },
      onNote: (note) => notes.push(note),
    });
    const plain = await createXlaEngine({ plugin: "cpu", cache: false });
    expect(engine.stablehlo(attending("a"), "bfloat16")).toContain("__cudnn$fmhaSoftmaxBackward");
    expect(engine.stablehlo(attending("a"), "float32")).not.toContain("__cudnn");
    const expected = await outputs(plain, attending("a"));
    expect(await outputs(engine, attending("a"))).toEqual(expected);
    expect(await outputs(engine, attending("b"))).toEqual(expected);
    expect(notes).toHaveLength(1);
    expect(String(notes[0])).toMatch(/cannot compile cuDNN's fused attention.*DEIT_FUSED_ATTENTION.*fmhaSoftmax/);
    await engine.close();
    await plain.close();
    expect([...engine.liveHandles]).toEqual([]);
  });

  it("is computed by each of several devices for its part of the batch", async () => {
    const notes: Message[] = [];
    const engine = await createXlaEngine({
      ...{ plugin: "cpu", cache: false, fusedAttention: true, devices: 4 },
      onNote: (note) => notes.push(note),
    });
    // The backward pass too: the compiler gets as far as to the missing kernel.
    await (await engine.compile(attending("a"), { precision: "bfloat16" })).dispose();
    expect(String(notes[0])).toMatch(/fmhaSoftmax/);

    // In place of the kernel, the sum of queries and values, which the plugin can compute.
    const [q, k, v] = ["q", "k", "v"].map((n) => input(n, "float32", shape));
    const batch = ["q", "k", "v", "out"];
    const built = program({ name: "sum", outputs: { out: attention(q, k, v) }, batch });
    const call = /(%own\d+):2 = stablehlo.custom_call @\S+\((\S+), \S+, (\S+)\) .* : \((\S+), .*\) -> \((\S+), .*\)/;
    const text = engine.stablehlo(built, "bfloat16", true);
    expect(text).toMatch(/manual_computation.*manual_axes=\{"device"\}.*tensor<1x6x2x8xbf16>/);
    const replaced = text
      .replace(
        call,
        "$1_sum = stablehlo.add $2, $3 : $4\n$1 = stablehlo.transpose $1_sum, dims = [0, 2, 1, 3] : ($4) -> $5",
      )
      .replaceAll(/(%own\d+)#0/g, "$1");
    vi.spyOn(engine, "stablehlo").mockReturnValue(replaced);
    const executable = (await engine.compile(built, { precision: "bfloat16" })) as XlaExecutable;
    expect(collectives(executable.loaded.optimizedProgram())).toEqual([]);
    // Whole numbers that bfloat16 has.
    const whole = (i: number) => (zeros("float32", shape).data as Float32Array).map((_, j) => (j * (i + 1)) % 61);
    const state = await engine.createState(new Map());
    const given = new Map(["q", "k", "v"].map((name, i) => [name, float32(shape, whole(i))]));
    const { data: sums } = (await executable.run(state, given)).get("out")!;
    expect([...(sums as Float32Array)]).toEqual([...whole(0).map((x, j) => x + whole(2)[j])]);
    await state.dispose();
    await executable.dispose();
    await engine.close();
  });

  it("is not tried on a plugin that is not CUDA's", async () => {
    const engine = await createXlaEngine({ plugin: "cpu", cache: false });
    expect(engine.stablehlo(attending("a"), "bfloat16")).not.toContain("__cudnn");
    await engine.close();
  });
});
