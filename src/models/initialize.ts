/** Initial values of a model's parameters. */
import { RandomStream } from "../random/stream.js";
import { type HostTensor, type NamedTensors, sizeOf } from "../tensor/index.js";
import type { Model, ParameterSpec } from "./model.js";

/** All parameters and buffers; each is a function of the seed and its own name, so models may share or reorder them. */
export function initialize(model: Model, seed: number): NamedTensors {
  return wholeOf(initializeInPieces(model, seed));
}

/** The same with a pause after each piece of the work, for callers with other work to do. */
export function* initializeInPieces(model: Model, seed: number): Generator<undefined, NamedTensors> {
  const tensors = new Map<string, HostTensor>();
  for (const spec of model.parameters) tensors.set(spec.name, yield* inPieces(spec, seed));
  return tensors;
}

export function initializeParameter(spec: ParameterSpec, seed: number): HostTensor {
  return wholeOf(inPieces(spec, seed));
}

function wholeOf<T>(pieces: Generator<undefined, T>): T {
  for (;;) {
    const piece = pieces.next();
    if (piece.done) return piece.value;
  }
}

/** Numbers drawn in about ten milliseconds. */
const drawnAtOnce = 1 << 16;

/** Draws a parameter, with a pause after each piece. */
function* inPieces({ name, shape, init }: ParameterSpec, seed: number): Generator<undefined, HostTensor> {
  const data = new Float32Array(sizeOf(shape));
  const stream = new RandomStream({ seed, purpose: `initialize:${name}` });
  const draw = drawOf(init, stream);
  if (draw === undefined) data.fill(init.kind === "ones" ? 1 : init.kind === "constant" ? init.value : 0);
  else
    for (let at = 0; at < data.length; at += drawnAtOnce) {
      const end = Math.min(data.length, at + drawnAtOnce);
      for (let i = at; i < end; i++) data[i] = draw();
      yield;
    }
  return { dtype: "float32", shape, data };
}

/** A function that draws the next number; undefined for constant initialisation. */
function drawOf(init: ParameterSpec["init"], stream: RandomStream): (() => number) | undefined {
  switch (init.kind) {
    case "zeros":
    case "ones":
    case "constant":
      return undefined;
    case "normal":
      return () => stream.normal(0, init.std);
    case "truncatedNormal":
      return () => stream.truncatedNormal(init.std);
    case "uniform":
      return () => stream.uniform(-init.bound, init.bound);
  }
}
