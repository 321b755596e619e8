/** The frozen part of a model on an engine: images of a batch to the values that the trained part reads. */
import type { Batch } from "../../data/loading/loader.js";
import type { DeviceState, Engine, Executable, Precision } from "../../engines/engine.js";
import { lookup, parameterInputs } from "../../models/context.js";
import type { Model } from "../../models/model.js";
import { type Tail, valuesAt } from "../../models/tail.js";
import { type NamedTensors, type Program, program } from "../../tensor/index.js";
import { stepData } from "../feed/step-data.js";
import type { Recipe } from "../recipe/recipe.js";
import { batchImages, batchRows, batchTransformOf } from "../step/batch/index.js";
import { featureInput } from "./stored-input.js";

/** The program for a batch of the recipe, whose outputs are the inputs of the trained part. */
function frozenProgram(recipe: Recipe, model: Model, { cut }: Pick<Tail, "cut">): Program {
  const batch = recipe.batchSize / recipe.accumulate;
  const parameters = parameterInputs(model);
  const images = batchImages(batch, model, batchTransformOf(recipe));
  const values = valuesAt(model, cut, (name) => lookup(parameters, name), images);
  return program({
    name: "frozen part",
    outputs: Object.fromEntries(cut.map((layer, i) => [featureInput(layer), values[i]])),
    state: parameters.keys(),
    batch: [...batchRows, ...cut.map(featureInput)],
  });
}

/** The same program, compiled, with parameters that are on the engine. */
export class FrozenPart {
  private constructor(
    private readonly recipe: Recipe,
    private readonly executable: Executable,
    private readonly state: DeviceState,
  ) {}

  static async open(
    {
      engine,
      precision,
      state,
    }: { readonly engine: Engine; readonly precision?: Precision; readonly state: DeviceState },
    { recipe, model, tail }: { readonly recipe: Recipe; readonly model: Model; readonly tail: Tail },
  ): Promise<FrozenPart> {
    const executable = await engine.compile(frozenProgram(recipe, model, tail), { precision });
    return new FrozenPart(recipe, executable, state);
  }

  /** The values for the views of a batch, by the names of their inputs. */
  async values(epoch: number, batch: Batch): Promise<NamedTensors> {
    const data = stepData(this.executable.program, { recipe: this.recipe, epoch, batch }, { scalars: {} });
    return this.executable.run(this.state, data);
  }

  dispose(): Promise<void> {
    return this.executable.dispose();
  }
}
