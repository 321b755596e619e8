/**
 * DeiT III in every size and resolution against timm's logits (tests/fixtures/models/generate_deit3_forward.py), with two
 * blocks and weights from a formula. All parameters at full depth are compared in src/models/deit3.test.ts.
 */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engines/engine.js";
import { createOnnxEngine } from "../../src/engines/onnx/engine.js";
import { crc32 } from "../../src/formats/crc32.js";
import { writeSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { adaptWeights } from "../../src/models/adapt.js";
import { inferenceContext, parameterInputs } from "../../src/models/context.js";
import { imagesShape } from "../../src/models/image-batch.js";
import type { Model } from "../../src/models/model.js";
import { createModel } from "../../src/models/registry.js";
import { hostTensor, input, type NamedTensors, type Shape, sizeOf } from "../../src/tensor/index.js";
import { loadWeights } from "../../src/weights/load.js";
import { runOnce } from "./fixtures/case.js";

const { depth, classes, images, logits } = JSON.parse(
  readFileSync(new URL("../fixtures/models/deit3_forward.json", import.meta.url), "utf8"),
) as {
  readonly depth: number;
  readonly classes: number;
  readonly images: number;
  readonly logits: Readonly<Record<string, number[][]>>;
};

/** From -0.5 to 0.5: the finalizer of MurmurHash3 on the index plus the CRC-32 of the name, times a factor. */
function noise(name: string, shape: Shape, factor: number, around = 0) {
  const first = crc32(new TextEncoder().encode(name));
  const data = new Float32Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) {
    let x = (first + i) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    data[i] = around + factor * (((x ^ (x >>> 16)) >>> 0) / 2 ** 32 - 0.5);
  }
  return hostTensor("float32", shape, data);
}

const weightsOf = (model: Model): NamedTensors =>
  new Map(
    model.parameters.map(({ name, shape }) => {
      const matrix = name.endsWith("weight") && shape.length > 1;
      const around = /gamma$|norm\d?\.weight$/.test(name) ? 1 : 0;
      return [name, noise(name, shape, matrix ? Math.sqrt((12 * shape[0]) / sizeOf(shape)) : 0.5, around)];
    }),
  );

describe("DeiT III computes timm's logits", () => {
  let engine: Engine;
  let scratch: string;
  beforeAll(async () => {
    engine = await createOnnxEngine({ threads: 2 });
    scratch = await mkdtemp(join(tmpdir(), "deit-deit3-"));
  });
  afterAll(async () => {
    await engine.close();
    await rm(scratch, { recursive: true });
  });

  it.each(Object.keys(logits))(
    "%s",
    async (name) => {
      const model = createModel(name, { depth, classes });
      // Those of up to 30 MB go through a file, LayerScale under the original program's names.
      const weights = /small|medium/.test(name) ? await throughFile(name, weightsOf(model)) : weightsOf(model);
      const fitted = adaptWeights(model, weights, { source: name });
      const seen = noise("images", imagesShape(model, images), 4);
      const output = model.forward(
        inferenceContext(parameterInputs(model)),
        input("images", "float32", [...seen.shape]),
      );
      const found = await runOnce(engine, { logits: output.logits }, fitted, new Map([["images", seen]]));
      const ours = found.get("logits")!;
      // float32 in two orders of summation; differences are around 1e-6.
      logits[name].flat().forEach((v, i) => {
        expect(Math.abs(Number(ours.data[i]) - v)).toBeLessThan(1e-4 * (1 + Math.abs(v)));
      });
    },
    60_000,
  );

  async function throughFile(name: string, weights: NamedTensors): Promise<NamedTensors> {
    const path = join(scratch, `${name}.safetensors`);
    const original = (key: string) => key.replace(/ls([12])\.gamma$/, "gamma_$1");
    await writeSafetensors(path, new Map([...weights].map(([key, t]) => [original(key), t])));
    return (await loadWeights(path)).tensors;
  }
});
