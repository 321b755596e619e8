import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { readSafetensors } from "../formats/safetensors/safetensors.js";
import {
  constant,
  evaluate,
  gradient,
  type HostTensor,
  input,
  logSoftmax,
  mul,
  type NamedTensors,
  reduceSum,
  sizeOf,
  type Tensor,
} from "../tensor/index.js";
import { adaptWeights } from "./adapt.js";
import { inferenceContext, parameterInputs } from "./context.js";
import { deit } from "./deit.js";
import { recognizeDeit } from "./deit-sizes.js";
import { nameOf } from "./recognize.js";
import { createModel, modelNames, registeredModel } from "./registry.js";

const folder = new URL("../../tests/fixtures/models/", import.meta.url);
const timm = JSON.parse(gunzipSync(readFileSync(new URL("deit3_models.json.gz", folder))).toString()) as Record<
  string,
  {
    readonly shapes: Readonly<Record<string, number[]>>;
    readonly input_size: readonly number[];
    readonly crop_pct: number;
    readonly interpolation: string;
    readonly mean: number[];
    readonly std: number[];
    readonly repositories: string[];
  }
>;

describe("DeiT III", () => {
  it("has the names that timm has", () => {
    expect(
      modelNames()
        .filter((name) => name.startsWith("deit3"))
        .sort(),
    ).toEqual(Object.keys(timm));
  });
  it.each(Object.keys(timm))("%s has timm's parameters, view and repositories, and is known by its shapes", (name) => {
    const model = createModel(name);
    expect(Object.fromEntries(model.parameters.map((p) => [p.name, [...p.shape]]))).toEqual(timm[name].shapes);
    const { input_size, crop_pct, interpolation, mean, std, repositories } = timm[name];
    expect(model).toMatchObject({ imageSize: input_size[1], cropRatio: crop_pct, normalization: { mean, std } });
    expect(interpolation).toBe("bicubic"); // that of every model's own view
    expect(registeredModel(name)?.hub).toEqual(repositories.map((repository) => `timm/${repository}`));
    expect(nameOf(recognizeDeit(new Map(model.parameters.map((p) => [p.name, p.shape])))!)).toBe(name);
  });
  it.each([
    ["small_patch16_224", 22.0, 81.4, 83.1],
    ["small_patch16_384", 22.0, 83.4, 84.8],
    ["medium_patch16_224", 38.8, 83.0, 84.5],
    ["base_patch16_224", 86.6, 83.8, 85.7],
    ["base_patch16_384", 86.9, 85.0, 86.7],
    ["large_patch16_224", 304.4, 84.9, 87.0],
    ["large_patch16_384", 304.8, 85.8, 87.7],
    ["huge_patch14_224", 632.1, 85.2, 87.2],
  ])("%s has the size and accuracy that its authors state", (size, millions, top1, top1After21k) => {
    const model = createModel(`deit3_${size}`);
    const parameters = model.parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    // The authors round, and give one number for both resolutions of the small size.
    expect(Math.abs(parameters / 1e6 - millions)).toBeLessThan(0.25);
    expect(registeredModel(model.name)?.published).toEqual({ top1, top1After21k });
  });
  it.each([
    ["linear", [0, 0.1, 0.2]],
    ["uniform", [0.2, 0.2, 0.2]],
  ] as const)("drops branches of its blocks at %s rates", (dropPathRates, rates) => {
    const model = createModel("deit3_small_patch16_224", {
      ...{ imageSize: 16, width: 8, depth: 3, heads: 1, dropPath: 0.2, dropPathRates },
    });
    const seen: number[] = [];
    const context = inferenceContext(parameterInputs(model));
    const dropPath = (x: Tensor, rate: number) => {
      seen.push(rate);
      return x;
    };
    model.forward({ ...context, dropPath }, input("images", "float32", [1, 16, 16, 3]));
    expect(seen).toEqual(rates.flatMap((rate) => [rate, rate]));
  });
  it("begins with LayerScale at its initial factor, without decay", () => {
    const scales = createModel("deit3_small_patch16_224").parameters.filter((p) => p.name.endsWith("gamma"));
    expect(scales).toHaveLength(24);
    for (const { init, decay } of scales) expect([init, decay]).toEqual([{ kind: "constant", value: 1e-6 }, false]);
  });
});

describe("LayerScale and positions of patches only, as timm computes them", () => {
  let fixture: NamedTensors;
  beforeAll(async () => {
    fixture = (await readSafetensors(new URL("deit3_micro.safetensors", folder).pathname)).tensors;
  });
  const micro = (imageSize: number) =>
    deit("micro", {
      ...{ imageSize, patchSize: 4, width: 8, depth: 2, heads: 2, classes: 3, layerScale: 0.5, noEmbedClass: true },
    });
  const tensor = (name: string): HostTensor => fixture.get(name)!;
  const values = (name: string) => tensor(name).data as Float32Array;
  const weights = (): NamedTensors =>
    new Map(
      [...fixture].flatMap(([name, t]) =>
        name.startsWith("model.") ? [[name.slice("model.".length), t] as const] : [],
      ),
    );
  const given = (all: NamedTensors, images: string) =>
    new Map<string, ArrayLike<number>>([
      ...[...all].map(([name, t]) => [name, t.data as Float32Array] as const),
      ["images", values(images)],
    ]);
  /** timm's are rounded to float32 within the model; ours are in double precision. */
  const close = (got: ArrayLike<number>, wanted: ArrayLike<number>, name: string) =>
    Array.from(wanted, (v, i) => expect(Math.abs(got[i] - v), name).toBeLessThan(2e-5 * (1 + Math.abs(v))));
  const logitsOf = (imageSize: number, images: string, parameters: ReadonlyMap<string, Tensor>) =>
    micro(imageSize).forward(inferenceContext(parameters), input("images", "float32", tensor(images).shape)).logits;

  it("in logits", () => {
    const [got] = evaluate([logitsOf(16, "images", parameterInputs(micro(16)))], given(weights(), "images"));
    close(got, values("logits"), "logits");
  });
  it("in the gradients of all parameters", () => {
    const parameters = parameterInputs(micro(16));
    const labels = constant("float32", [2, 3], [1, 0, 0, 0, 0, 1]);
    const logits = logitsOf(16, "images", parameters);
    const loss = mul(reduceSum(mul(labels, logSoftmax(logits))), -1 / 2);
    const names = [...parameters.keys()];
    const slopes = evaluate(
      gradient(
        loss,
        names.map((name) => parameters.get(name)!),
      ),
      given(weights(), "images"),
    );
    names.forEach((name, i) => {
      close(slopes[i], values(`grad.${name}`), name);
    });
  });
  it("in positions and logits at a different resolution", () => {
    const fitted = adaptWeights(micro(24), weights(), { source: "micro.safetensors" });
    close(fitted.get("pos_embed")!.data as Float32Array, values("positions24"), "positions");
    const [got] = evaluate([logitsOf(24, "images24", parameterInputs(micro(24)))], given(fitted, "images24"));
    close(got, values("logits24"), "logits");
  });
});
