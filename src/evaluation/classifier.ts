/** A model with its weights on an engine, ready to classify. */

import type { DeviceState, Engine } from "../engines/engine.js";
import type { ImageSize } from "../geometry/image-size.js";
import { decisionLogits, type Head, inferenceContext, parameterInputs } from "../models/context.js";
import { imagesShape } from "../models/image-batch.js";
import type { Model } from "../models/model.js";
import { normalize } from "../models/normalize.js";
import { input, type NamedTensors, type Program, program } from "../tensor/index.js";
import { BatchPrograms } from "./batch-programs.js";
import { type Derive, Probe } from "./probe.js";

/** uint8 `images` `[batch, height, width, 3]` to `logits` `[batch, classes]`, with the model's parameters as state. */
export function inferenceProgram(model: Model, batch: number, head: Head = "both", prefix = ""): Program {
  const parameters = parameterInputs(model, prefix);
  const images = input("images", "uint8", imagesShape(model, batch));
  const output = model.forward(inferenceContext(parameters), normalize(images, model.normalization));
  return program({
    name: "inference",
    outputs: { logits: decisionLogits(output, head) },
    state: model.parameters.map((p) => prefix + p.name),
    batch: ["images", "logits"],
  });
}

/** The parts of a classifier. */
export interface ClassifierOptions {
  /** Where it runs. */
  readonly engine: Engine;
  /** The model whose logits are wanted. */
  readonly model: Model;
  /** The head that decides (default: `both`, the mean of the two heads of a distilled model). */
  readonly head?: Head;
  /** Names of the parameters in the state begin with this; "ema." reads the moving average. */
  readonly prefix?: string;
}

/** Logits for uint8 images; programs are compiled once per batch size, and size of images. */
export class Classifier {
  readonly #programs: BatchPrograms;

  private constructor(
    private readonly options: ClassifierOptions,
    private readonly state: DeviceState,
    private readonly ownsState: boolean,
  ) {
    const { engine, model, head, prefix } = options;
    const build = (seer: Model, batch: number) => inferenceProgram(seer, batch, head, prefix);
    this.#programs = new BatchPrograms(engine, model, build, ownsState ? state : undefined);
  }

  /** Uploads `weights` to the engine. */
  static async create(options: ClassifierOptions, weights: NamedTensors): Promise<Classifier> {
    return new Classifier(options, await options.engine.createState(weights), true);
  }

  /** Classifies with parameters that are already on the engine, as during training. */
  static over(options: ClassifierOptions, state: DeviceState): Classifier {
    return new Classifier(options, state, false);
  }

  /** The model whose logits it computes. */
  get model(): Model {
    return this.options.model;
  }

  /**
   * `images`: `batch · height · width · 3` bytes, of `size` (default: the model's). The result has `batch · classes` numbers.
   */
  async logits(images: Uint8Array, batch: number, size?: ImageSize): Promise<Float32Array> {
    return (await this.#programs.run(this.state, images, batch, size)).get("logits")!.data as Float32Array;
  }

  /** Derives further values from the same parameters; to be disposed of before the classifier. */
  probe(derive: Derive): Probe {
    return Probe.over(this.options.engine, this.model, this.state, derive);
  }

  /** Frees the programs, and the weights unless they were on the engine before. */
  async dispose(): Promise<void> {
    await this.#programs.dispose();
    if (this.ownsState) await this.state.dispose();
  }
}
