/** A training step on its data, without a run: for estimates and learning-rate tests. Nothing is written. */
import type { Batch } from "../../data/loading/loader.js";
import type { Engine, Precision } from "../../engines/engine.js";
import { InterruptedError } from "../../errors/errors.js";
import type { Model } from "../../models/model.js";
import { Closing } from "../../system/closing.js";
import { turn } from "../../system/turn.js";
import { stepData } from "../feed/step-data.js";
import { type DataOptions, trainingLoader, trainingTransform } from "../feed/training-data.js";
import { FrozenPart } from "../frozen/frozen-part.js";
import { type StoredViewsSize, storedSize } from "../frozen/stored-views.js";
import { classWeightsCount } from "../recipe/class-weighting.js";
import { emaDecayAt, optimizerOf, type Recipe } from "../recipe/recipe.js";
import { beginRun } from "../run/beginning.js";
import { planRun } from "../run/plan.js";
import { featureWeights, stepOf } from "../run/recipe-step.js";
import { firstParameters, frozenTensors, stateOf } from "../run/run-start.js";
import { StepPrograms } from "../run/step-programs.js";
import { tailOfRun } from "../run/stored-run.js";
import { createOptimizer } from "../step/optimizers/index.js";
import { type Step, stepInputs } from "../step/step.js";

export interface TrialOptions extends DataOptions {
  readonly recipe: Recipe;
  readonly engine: Engine;
  readonly precision?: Precision;
  /** Divides the recipe's batch into as many runs as needed to fit memory. */
  readonly fitBatch?: boolean;
  /** Fits heads first, if the recipe requires it. */
  readonly fitHeads?: boolean;
  readonly signal?: AbortSignal;
}

export interface TrialStep {
  /** Mean over the step's runs. */
  readonly loss: number;
  readonly gradientNorm: number;
}

export interface Trial {
  readonly recipe: Recipe;
  readonly model: Model;
  readonly step: Step;
  readonly classes: number;
  /** Number of training and test images. */
  readonly images: number;
  readonly testImages: number;
  readonly stepsPerEpoch: number;
  /** Milliseconds spent waiting for data so far. */
  readonly waited: () => number;
  /** Milliseconds spent on compiling programs so far: in native aspect, those of further sizes come when they are needed. */
  readonly compiling: () => number;
  /** What stored features of a frozen part will take, if the recipe stores any. */
  readonly stored?: StoredViewsSize;
  /** Milliseconds spent on computing such features so far; they are not stored here. */
  readonly storing?: () => number;
  /**
   * Optimizer steps from the first, epoch after epoch, without end; `rate` returns the rate of each (counted from 1).
   */
  steps(rate: (step: number) => number): AsyncGenerator<TrialStep, void>;
  close(): Promise<void>;
}

/** Opens data, model, teacher and program as a run would. */
export async function openTrial(options: TrialOptions): Promise<Trial> {
  const { engine, signal, precision } = options;
  const plan = await planRun(options);
  const { dataset, test, model, recipe, teaching } = plan;
  const closing = new Closing();
  closing.add(() => teaching.batches?.close());
  try {
    // Images have the size of the last epochs, which costs the most.
    const loader = trainingLoader(dataset, { ...recipe, sizeSchedule: undefined }, model, options);
    closing.add(() => loader.close());
    await turn();
    const build = (at: Model) => stepOf(recipe, at, teaching, plan);
    const sizes = trainingTransform(recipe, model).nativeSizes;
    const programs = new StepPrograms({ engine, model, build, precision, alternates: sizes && true });
    closing.add(() => programs.dispose());
    const step = programs.step();
    await turn();
    requireGoingOn(signal);
    await programs.compiled(sizes?.[0]);
    // Heads are fitted only if losses matter: a pass over the images would take longer than a few steps.
    const { parameters } = options.fitHeads
      ? await beginRun({ ...options, model, dataset, recipe })
      : { parameters: await firstParameters(model, recipe, dataset.classes, { signal }) };
    requireGoingOn(signal);
    const first = stateOf(step, parameters, recipe.seed);
    const state = await engine.createState(new Map([...first, ...frozenTensors(step, teaching)]));
    closing.add(() => state.dispose());
    const tail = tailOfRun(model, recipe);
    const frozen = tail && (await FrozenPart.open({ engine, precision, state }, { recipe, model, tail }));
    closing.add(() => frozen?.dispose());
    let storing = 0;
    const { accumulate } = recipe;
    const stepsPerEpoch = Math.floor(loader.stepsPerEpoch / accumulate);
    const optimizer = createOptimizer(optimizerOf(recipe));

    const run = async (epoch: number, batch: Batch, lr: number, number: number): Promise<TrialStep> => {
      requireGoingOn(signal);
      const scalars = {
        ...optimizer.scalars(lr, number),
        [stepInputs.apply]: (batch.step + 1) % accumulate === 0 ? 1 : 0,
        [stepInputs.passOver]: 0,
        [stepInputs.emaDecay]: emaDecayAt(recipe, number),
        ...featureWeights(recipe, 0),
        [stepInputs.classWeights]: classWeightsCount(recipe, 0) ? 1 : 0,
      };
      const taught = await teaching.batches?.answer(epoch, batch.step, batch);
      const begun = performance.now();
      const values = await frozen?.values(epoch, batch);
      storing += performance.now() - begun;
      const executable = await programs.compiled(batch.size);
      const data = stepData(executable.program, { recipe, epoch, batch }, { scalars, taught, values });
      const outputs = await executable.run(state, data);
      const value = (name: string) => (outputs.get(name)!.data as Float32Array)[0];
      return { loss: value("loss"), gradientNorm: value("gradientNorm") };
    };
    return {
      ...{ recipe, model, step, stepsPerEpoch, waited: loader.waited, compiling: () => programs.compiling() },
      ...(tail ? { stored: storedSize(recipe, dataset, tail), storing: () => storing } : {}),
      close: () => closing.close(),
      ...{ classes: dataset.classes.length, images: dataset.length, testImages: test?.length ?? 0 },
      async *steps(rate) {
        let number = 1;
        for (let epoch = 0; ; epoch++) {
          let loss = 0;
          for await (const batch of loader.epoch(epoch)) {
            if (batch.step >= stepsPerEpoch * accumulate) break;
            const ran = await run(epoch, batch, rate(number), number);
            loss += ran.loss / accumulate;
            if ((batch.step + 1) % accumulate !== 0) continue;
            yield { loss, gradientNorm: ran.gradientNorm };
            loss = 0;
            number++;
          }
        }
      },
    };
  } catch (error) {
    await closing.close();
    throw error;
  }
}

function requireGoingOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError("It was interrupted; nothing was written.");
}
