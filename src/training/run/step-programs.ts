/** The step programs of a run: one for each size of images, over the same state. Each is compiled when the first batch of its size comes. */
import type { CompileOptions, Engine, Executable } from "../../engines/engine.js";
import { type ImageSize, sizeInWords } from "../../geometry/image-size.js";
import type { Model } from "../../models/model.js";
import { modelAt } from "../../models/model-at.js";
import { turn } from "../../system/turn.js";
import type { Step } from "../step/step.js";

interface Made {
  readonly step: Step;
  compiled?: Promise<Executable>;
}

export interface StepProgramsOptions extends Pick<CompileOptions, "precision" | "alternates"> {
  readonly engine: Engine;
  readonly model: Model;
  /** The step of the model for images of one size. */
  readonly build: (model: Model) => Step;
}

export class StepPrograms {
  readonly #made = new Map<string, Made>();
  #compiling = 0;

  constructor(private readonly options: StepProgramsOptions) {}

  /** The step for images of this size (default: the model's). */
  step(size?: ImageSize): Step {
    return this.#at(size).step;
  }

  /** The same on the engine. */
  async compiled(size?: ImageSize): Promise<Executable> {
    const made = this.#at(size);
    if (!made.compiled) {
      const start = performance.now();
      await turn();
      const { engine, precision, alternates } = this.options;
      made.compiled = engine.compile(made.step.program, { precision, alternates });
      await made.compiled.finally(() => {
        this.#compiling += performance.now() - start;
      });
    }
    return made.compiled;
  }

  /** Milliseconds that compiling has taken so far. */
  compiling(): number {
    return this.#compiling;
  }

  async dispose(): Promise<void> {
    for (const { compiled } of this.#made.values()) await (await compiled?.catch(() => undefined))?.dispose();
  }

  #at(size?: ImageSize): Made {
    const model = modelAt(this.options.model, size);
    const key = sizeInWords(model.imageSize);
    const made = this.#made.get(key) ?? { step: this.options.build(model) };
    this.#made.set(key, made);
    return made;
  }
}
