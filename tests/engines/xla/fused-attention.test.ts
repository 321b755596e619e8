/** cuDNN's attention where it cannot be compiled: the CPU plugin has none, which is how a CUDA plugin without it looks. */
import { expect, it } from "vitest";
import { createXlaEngine, type XlaEngine } from "../../../src/engines/xla/engine.js";
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

const shape = [2, 2, 6, 8];
function attending(name: string): Program {
  const [q, k, v] = ["q", "k", "v"].map((n) => input(n, "float32", shape));
  const out = attention(q, k, v);
  const [dq] = gradient(reduceSum(mul(out, out)), [q]);
  return program({ name, outputs: { out, dq } });
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

  it("is not tried on a plugin that is not CUDA's", async () => {
    const engine = await createXlaEngine({ plugin: "cpu", cache: false });
    expect(engine.stablehlo(attending("a"), "bfloat16")).not.toContain("__cudnn");
    await engine.close();
  });
});
