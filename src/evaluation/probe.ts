/** Inspects a model: values derived from its intermediate ones, computed on an engine. */

import type { DeviceState, Engine } from "../engines/engine.js";
import { UsageError } from "../errors/errors.js";
import type { ImageSize } from "../geometry/image-size.js";
import { observingContext, parameterInputs } from "../models/context.js";
import { imagesShape } from "../models/image-batch.js";
import type { Logits, Model } from "../models/model.js";
import { normalize } from "../models/normalize.js";
import { type HostTensor, input, type NamedTensors, type Program, program, type Tensor } from "../tensor/index.js";
import { BatchPrograms } from "./batch-programs.js";

/** Intermediate values of a forward pass. */
export interface Seen {
  /** The model, for images of the size that it sees. */
  readonly model: Model;
  /** Logits of the model's heads. */
  readonly output: Logits;
  /** A parameter of the model by name. Throws UsageError if there is none. */
  parameter(name: string): Tensor;
  /** An intermediate value by the name under which the model exposes it (see `ForwardContext.observe`). */
  value(name: string): Tensor;
}

/** Values to compute, by name; the first axis of each is the batch. */
export type Derive = (seen: Seen) => Readonly<Record<string, Tensor>>;

/** uint8 `images` `[batch, height, width, 3]` to the derived values, with the model's parameters as state. */
export function probeProgram(model: Model, batch: number, derive: Derive): Program {
  const parameters = parameterInputs(model);
  const context = observingContext(parameters, () => true);
  const images = input("images", "uint8", imagesShape(model, batch));
  const output = model.forward(context, normalize(images, model.normalization));
  const outputs = derive({
    ...{ model, output },
    parameter: context.parameter,
    value: (name) => {
      const value = context.observed.get(name);
      if (!value)
        throw new UsageError(
          `The model "${model.name}" has no intermediate value "${name}"; use a DeiT, or another model that exposes it.`,
        );
      return value;
    },
  });
  return program({
    name: "probe",
    outputs,
    state: model.parameters.map((p) => p.name),
    batch: ["images", ...Object.keys(outputs)],
  });
}

/** A model on an engine that returns values derived from its intermediate ones. */
export class Probe {
  readonly #programs: BatchPrograms;

  private constructor(
    /** The model that is inspected. */
    readonly model: Model,
    engine: Engine,
    derive: Derive,
    private readonly state: DeviceState,
    private readonly ownsState: boolean,
  ) {
    this.#programs = new BatchPrograms(engine, model, (seer, batch) => probeProgram(seer, batch, derive));
  }

  /** Uploads `weights` to the engine; throws UsageError if the model does not have a value that `derive` needs. */
  static async create(engine: Engine, model: Model, weights: NamedTensors, derive: Derive): Promise<Probe> {
    probeProgram(model, 1, derive);
    return new Probe(model, engine, derive, await engine.createState(weights), true);
  }

  /** The same with parameters that are already on the engine, and stay there. */
  static over(engine: Engine, model: Model, state: DeviceState, derive: Derive): Probe {
    probeProgram(model, 1, derive);
    return new Probe(model, engine, derive, state, false);
  }

  /** The derived values for `images`, `batch · height · width · 3` bytes, of `size` (default: the model's). */
  run(images: Uint8Array, batch: number, size?: ImageSize): Promise<Map<string, HostTensor>> {
    return this.#programs.run(this.state, images, batch, size);
  }

  /** Frees the programs and the weights on the engine. */
  async dispose(): Promise<void> {
    await this.#programs.dispose();
    if (this.ownsState) await this.state.dispose();
  }
}
