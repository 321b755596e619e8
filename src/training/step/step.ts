/** The training step as one program: forward, loss, backward, guard, clipping, optimizer, averages. */
import { ShapeError, UsageError } from "../../errors/errors.js";
import { parameterInputs } from "../../models/context.js";
import type { Logits, Model, ParameterSpec } from "../../models/model.js";
import { headParameters } from "../../models/parts.js";
import type { ResampleFilter } from "../../models/resample.js";
import {
  add,
  and,
  argmax,
  cast,
  compare,
  concat,
  finite,
  gradient,
  input,
  mul,
  oneHot,
  type Program,
  program,
  reduceSum,
  reshape,
  scalar,
  select,
  slice,
  sqrt,
  type Tensor,
} from "../../tensor/index.js";
import { type BatchTransform, batchImages, batchInputs, batchRows, batchTargets } from "./batch/index.js";
import { type ClassWeights, classWeightsInput, classWeightTensor } from "./class-weights.js";
import { type ClipMode, clipping } from "./clipping.js";
import { type Consistency, firstPictures, jensenShannon } from "./consistency.js";
import { type TrainingPass, trainingContext } from "./context.js";
import { type Distillation, type DistilledParts, distilledParts, neededAnswer } from "./distillation/index.js";
import type { TeacherAnswer } from "./distillation/mode.js";
import { type FeatureDistillation, projectionOf } from "./features.js";
import { featureWeightInput, imitation } from "./imitation.js";
import { cosubLoss } from "./losses/cosub.js";
import { createLoss, type Loss, type LossName } from "./losses/index.js";
import { thresholded } from "./losses/targets.js";
import { sumOfSquares } from "./norms.js";
import { createOptimizer, type OptimizerOptions } from "./optimizers/index.js";
import type { RateFactor } from "./optimizers/optimizer.js";
import { featuresInput, taughtInputs } from "./taught.js";
import { brokenTeachers, severalInputs, type TeacherSource, taughtBy } from "./teachers.js";

/** Options of a training step. */
export interface StepOptions {
  /** Images of one run of the program: the global batch divided by `accumulate`. */
  readonly batch: number;
  /** Optimizer with its constants. */
  readonly optimizer: OptimizerOptions;
  /** Factor on each parameter's rate (default: 1). */
  readonly rateFactor?: RateFactor;
  /** Loss against the labels: a name, with its default settings, or a function from logits and targets `[batch, classes]` to a scalar. */
  readonly loss?: LossName | Loss;
  /** Probability that is spread evenly over all classes, between 0 and 1. */
  readonly labelSmoothing?: number;
  /** Each image may have several labels (or none): the input `targets`, float32 `[batch, classes]`, has them. */
  readonly severalLabels?: boolean;
  /** Targets above it become 1, others 0. */
  readonly targetThreshold?: number;
  /** Two passes over each image, under different stochastic depth, learn from each other. */
  readonly cosub?: boolean;
  /**
   * Several pictures of each image, one after the other in the batch: the predictions for the first learn from the labels,
   * and those for all are to agree (default: one of each).
   */
  readonly consistency?: Consistency;
  /** Which parameters are trained (default: all). */
  readonly trained?: (name: string) => boolean;
  /** Mode of distillation with its constants. */
  readonly distillation?: Distillation;
  /** Weights in the distillation loss of the classes that the teacher decides on. */
  readonly distillationWeights?: ClassWeights;
  /** Layers that each imitate one of the teacher's, with the weights of the inputs `featureWeight`, `featureWeight.1` and so on. */
  readonly features?: readonly FeatureDistillation[];
  /** Transform of the batch before the model. */
  readonly transform?: BatchTransform;
  /**
   * Source of the teacher's outputs: a model that runs in the same program, with its parameters as state under
   * `teacher.<name>`; or the inputs `teacherLogits` or `teacherLabels`, and `teacherFeatures`, `teacherFeatures.1` and so on with `features`. Of several
   * teachers the mean of their probabilities; the state of each is `teacher.<index>.<name>`, its input
   * `teacherLogits.<index>`.
   */
  readonly teacher?: TeacherSource;
  /** How views are resized for a teacher with a different resolution. */
  readonly teacherInterpolation?: ResampleFilter;
  /** Limit of the gradients (default: none), of what `clipMode` says. */
  readonly clipGradient?: number;
  /** What is limited (default: the norm of all gradients together). */
  readonly clipMode?: ClipMode;
  /** Number of runs whose gradients are averaged for each update of the parameters. */
  readonly accumulate?: number;
  /** Devices that divide the batch between them (default: 1): each draws by itself which of its images go without a branch. */
  readonly devices?: number;
  /** Computes the inner values of each block again in the backward pass, from its input, instead of keeping them. */
  readonly gradCheckpointing?: boolean;
  /** Keeps an exponential moving average of parameters and buffers, `ema.<name>`. */
  readonly ema?: boolean;
  /**
   * Prevents later runs from changing anything after one whose loss or gradients are not finite (state `halted`, until
   * it is set to 0), unless the input `passOver` is 1: so the state is still the broken one, although runs overlap.
   */
  readonly halting?: boolean;
  /** Names of further inputs with a row for each image, which the model reads instead of the images. */
  readonly rows?: readonly string[];
}

/** Inputs of the step: images and targets, and optionally the teacher's outputs. */
export interface StepInputs {
  /** float32 `[batch, height, width, 3]`, normalised; with `consistency` of all pictures. */
  readonly images: Tensor;
  /** Class distributions, float32 `[batch, classes]`. */
  readonly target: Tensor;
  /** The teacher's logits `[batch, classes]`, or only its predicted classes, when distilling. */
  readonly teacher?: Tensor | TeacherAnswer;
  /** The teacher's normalised features `[batch, rows, columns, channels]` of each layer of `features`. */
  readonly features?: readonly Tensor[];
  /**
   * Outputs of each teacher that the program computes: a run with one that is not finite changes nothing (default:
   * `teacher`, if that is a tensor).
   */
  readonly inside?: readonly (readonly Tensor[])[];
  /** State that the inputs read but no run changes: the teacher's parameters. */
  readonly frozen?: ReadonlyMap<string, readonly number[]>;
}

/** A training step as a program, and the state that it needs. */
export interface Step {
  /** The whole step: images in, new state out. */
  readonly program: Program;
  /**
   * Names of all state tensors with their shapes; those that are not parameters start at zero (EMA: at the
   * parameters).
   */
  readonly state: ReadonlyMap<string, readonly number[]>;
  /** State that runs read but never change: the parameters of a teacher in the program. */
  readonly frozen: ReadonlyMap<string, readonly number[]>;
  /** Parameters that are trained but not the model's: they are saved with the run and left out of its weights. */
  readonly own: readonly ParameterSpec[];
  /** Places in the model where stochastic depth acts; each needs a random number per image. */
  readonly dropPathSites: number;
  /** Names of the trained parameters, in the order of the diagnosis. */
  readonly trained: readonly string[];
  /** The same pass without updates: sums of squares of each parameter and gradient, and of the logits; and the loss. */
  readonly diagnosis: () => Program;
}

/** Names of the data inputs of `trainStep`; those of the batch's transform are `batchInputs`. */
export const stepInputs = {
  /** uint8 `[batch, height, width, 3]`; with `consistency` `[batch, pictures, height, width, 3]`. */
  images: batchInputs.images,
  /** int32 `[batch]`. */
  labels: batchInputs.labels,
  /** Stored logits of a teacher, float32 `[batch, classes]`. */
  teacher: taughtInputs.logits,
  /** Stored classes of a teacher, int32 `[batch]`. */
  teacherLabels: taughtInputs.labels,
  /** Stored features of a teacher, float32 `[batch, rows, columns, channels]`. */
  teacherFeatures: taughtInputs.features,
  /** Weight of feature distillation at this step; of further layers it is `featureWeight.1` and so on. */
  featureWeight: featureWeightInput(0),
  /** 1 once deferred weights of classes count, before that 0. */
  classWeights: classWeightsInput,
  /** With accumulation: 1 in the run that ends a step, otherwise 0. */
  apply: "apply",
  /** With `halting`: 1 if training goes on after a run that is not finite, otherwise 0. */
  passOver: "passOver",
  /** Decay of the moving average of the weights at this step, between 0 and 1. */
  emaDecay: "emaDecay",
} as const;

/** Names of the outputs with parts of the loss, each with its weight; a step has those of which its loss has several. */
export const lossParts = {
  task: "taskLoss",
  distillation: "distillationLoss",
  features: "featureLoss",
  consistency: "consistencyLoss",
} as const;

/** Name of the state that indicates a broken run, see `StepOptions.halting`. */
export const haltedState = "halted";

/**
 * Output of a step with teachers in it: 0, or a number that says which teacher's output for which image is not finite
 * (`brokenPlace`).
 */
export const brokenTeacher = "brokenTeacher";

/** Whether state is read and written only by the optimizer's update, so that it can be split over devices. */
export const optimizerState = (name: string): boolean => /^(optimizer|accumulated|ema)\./.test(name);

/**
 * The step from uint8 images and int32 labels.
 *
 * @example
 * ```ts
 * import { createModel, trainStep } from "deit";
 *
 * const model = createModel("deit", { imageSize: 32, patchSize: 8, width: 48, depth: 2, heads: 3, classes: 10 });
 * const optimizer = { kind: "adamw", betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.05 } as const;
 * const { program, state } = trainStep(model, { batch: 32, optimizer, labelSmoothing: 0.1 });
 * console.log(program.inputs.filter(({ role }) => role === "data").map(({ name }) => name));
 * console.log(state.size, "tensors of state"); // the whole loop: examples/train-step.mjs
 * ```
 */
export function trainStep(model: Model, options: StepOptions): Step {
  const { batch, labelSmoothing = 0, distillation = { kind: "none" }, transform = {} } = options;
  const images = batchImages(batch, model, transform, options.consistency?.splits);
  const { teacher = "logits", features } = options;
  const predicts = neededAnswer(distillation.kind) !== undefined;
  const interpolation = options.teacherInterpolation;
  const { answer, ...taught } = taughtBy(model, images, { teacher, interpolation, predicts, features });
  const target = batchTargets(batch, model.classes, labelSmoothing, transform, options.severalLabels);
  return buildStep(model, options, {
    images,
    target: options.targetThreshold === undefined ? target : thresholded(target, options.targetThreshold),
    teacher: answer,
    ...taught,
  });
}

/**
 * The step from any images and targets. Returned: `loss`, `gradientNorm`, and `correct`, the number of correct
 * predictions.
 */
export function buildStep(model: Model, options: StepOptions, inputs: StepInputs): Step {
  const { frozen = new Map() } = inputs;
  const { features = [] } = options;
  const own = features.flatMap((pair, index) => projectionOf(model, pair, index));
  const specs = [...model.parameters, ...own];
  const parameters = parameterInputs({ parameters: specs });
  const images = options.cosub ? concat([inputs.images, inputs.images], 0) : inputs.images;
  const layers = new Set(features.map(({ student }) => student));
  const pass = { batch: images.shape[0], devices: options.devices, layers };
  const sites = countSites(model, images, pass);
  const context = trainingContext(parameters, { ...pass, sites, recomputes: options.gradCheckpointing });
  const all = model.forward(context, images);
  const { consistency } = options;
  const output = consistency ? firstPictures(all, consistency.splits) : all;
  const parts = {
    ...lossesOf(output, options, inputs),
    features: imitation(model, features, inputs.features, { observed: context.observed, parameters }),
    consistency: consistency && mul(jensenShannon(all.logits, consistency.splits), consistency.weight),
  };
  const given = Object.entries(parts).flatMap(([part, value]) => (value ? [[part, value] as const] : []));
  const loss = given.map(([, value]) => value).reduce((sum, value) => add(sum, value));
  const ofLoss = given.length === 1 ? [] : given.map(([part, v]) => [lossParts[part as keyof typeof lossParts], v]);

  const { trained: moves = () => true } = options;
  const trained = specs.filter((p) => p.kind === "parameter" && (own.includes(p) || moves(p.name)));
  const { accumulate = 1 } = options;
  const fresh = gradient(
    loss,
    trained.map((p) => parameters.get(p.name)!),
  );
  const pending = (name: string, shape: readonly number[]) => input(`accumulated.${name}`, "float32", shape);
  const sums = accumulate === 1 ? fresh : trained.map((p, i) => add(pending(p.name, p.shape), fresh[i]));
  const norm = mul(sqrt(sums.map(sumOfSquares).reduce(add)), 1 / accumulate);

  // Nothing is updated unless loss and gradients are finite. That also makes every new value depend on all gradients,
  // so all readers of a parameter come before its update and an engine may update it in place.
  const broken = brokenTeachers(insideOf(inputs), options.batch);
  const ours = and(finite(loss), finite(norm));
  const whole = broken ? and(ours, compare("EQ", broken, 0)) : ours;
  const sound = options.halting ? and(whole, compare("EQ", input(haltedState, "float32", []), 0)) : whole;
  const passOver = options.halting ? input(stepInputs.passOver, "float32", []) : scalar(1);
  const proceed = accumulate === 1 ? sound : and(sound, compare("GT", input(stepInputs.apply, "float32", []), 0));
  const { clipMode = "norm", clipGradient } = options;
  const clip = clipping(clipMode, clipGradient, { norm, accumulate, proceed, heads: headParameters(model) });
  // The sums are reset after their step, even if its last run is skipped.
  const ends =
    accumulate === 1
      ? undefined
      : compare("GT", mul(input(stepInputs.apply, "float32", []), select(sound, 1, passOver)), 0);

  const optimizer = createOptimizer(options.optimizer, options.rateFactor);
  const updates = new Map<string, Tensor>();
  const state = new Map<string, readonly number[]>(specs.map((p) => [p.name, p.shape]));
  trained.forEach((spec, i) => {
    const parameter = parameters.get(spec.name)!;
    const clipped = clip(spec, parameter, select(proceed, sums[i], 0));
    for (const [name, value] of optimizer.update(spec, parameter, clipped, proceed)) updates.set(name, value);
    for (const name of optimizer.stateNames(spec)) state.set(name, spec.shape);
    if (ends) {
      const kept = select(sound, sums[i], pending(spec.name, spec.shape));
      updates.set(`accumulated.${spec.name}`, mul(kept, select(ends, 0, 1)));
      state.set(`accumulated.${spec.name}`, spec.shape);
    }
  });
  for (const [name, value] of context.buffers) updates.set(name, select(sound, value, parameters.get(name)!));
  if (options.halting) {
    updates.set(haltedState, select(sound, 0, add(mul(passOver, -1), 1)));
    state.set(haltedState, []);
  }
  if (options.ema) averages(model, updates, proceed, state);

  const decisions = argmax(slice(output.logits, 0, 0, options.batch), 1);
  // Of several labels, any may be the most likely one.
  const right = options.severalLabels
    ? mul(oneHot(decisions, model.classes), cast(compare("GT", inputs.target, 0), "float32"))
    : cast(compare("EQ", decisions, argmax(inputs.target, 1)), "float32");
  const correct = reduceSum(right);
  const shared = {
    state: [...state.keys(), ...frozen.keys()],
    batch: [
      ...[...batchRows, ...Object.values(taughtInputs), ...severalInputs(options.teacher), ...(options.rows ?? [])],
      ...features.map((_, index) => featuresInput(index)),
    ],
  };
  return {
    program: program({
      name: "train",
      outputs: {
        ...{ loss, gradientNorm: norm, correct, ...Object.fromEntries(ofLoss) },
        ...(broken ? { [brokenTeacher]: broken } : {}),
      },
      updates,
      ...shared,
    }),
    state,
    frozen,
    own,
    dropPathSites: sites,
    trained: trained.map((p) => p.name),
    diagnosis: () => {
      const squares = (tensors: readonly Tensor[]) =>
        concat(
          tensors.map((t) => reshape(sumOfSquares(t), [1])),
          0,
        );
      return program({
        name: "diagnosis",
        outputs: {
          parameters: squares(trained.map((p) => parameters.get(p.name)!)),
          logits: squares([output.logits]),
          loss,
          gradients: squares(fresh),
        },
        ...shared,
      });
    },
  };
}

/** The outputs of teachers to check; those from outside were checked there. */
function insideOf({ teacher, features, frozen, inside }: StepInputs): readonly (readonly Tensor[])[] {
  const given = [teacher && !("kind" in teacher) ? teacher : undefined, frozen && features];
  return inside ?? [given.flat().filter((t) => t !== undefined)];
}

/** The losses of the predictions, with their weights. */
function lossesOf(output: Logits, options: StepOptions, { target, teacher }: StepInputs): DistilledParts {
  const { logits } = output;
  if (options.cosub) {
    if (typeof options.loss === "function")
      throw new UsageError(
        "Cosub trains with a loss of its own, so no other can be given; set cosub=false or leave out loss.",
      );
    const { batch } = options;
    return { task: cosubLoss(slice(logits, 0, 0, batch), slice(logits, 0, batch, 2 * batch), target) };
  }
  const { loss: chosen = "crossEntropy", distillation = { kind: "none" }, distillationWeights } = options;
  const loss = typeof chosen === "string" ? createLoss(chosen) : chosen;
  const answer = teacher && ("kind" in teacher ? teacher : ({ kind: "logits", tensor: teacher } as const));
  // Without a teacher the second head learns nothing, as in the original code.
  const base: Tensor | undefined = loss(logits, target);
  if (base?.shape?.length !== 0)
    throw new ShapeError(
      `The loss must be a scalar tensor, but it is ${base?.shape ? `a tensor [${base.shape.join(", ")}]; take its mean or sum` : `${String(base)}; return a tensor`}.`,
    );
  const weights = distillationWeights && classWeightTensor(distillationWeights);
  return distilledParts(base, output, { target, loss, answer, weights }, distillation);
}

function averages(
  model: Model,
  updates: Map<string, Tensor>,
  proceed: Tensor,
  state: Map<string, readonly number[]>,
): void {
  const decay = select(proceed, input(stepInputs.emaDecay, "float32", []), 1);
  const rest = add(mul(decay, -1), 1);
  for (const { name, shape } of model.parameters) {
    state.set(`ema.${name}`, shape);
    const current = updates.get(name);
    // The average of what never moves is what it began with.
    if (current)
      updates.set(`ema.${name}`, add(mul(input(`ema.${name}`, "float32", shape), decay), mul(current, rest)));
  }
}

function countSites(model: Model, images: Tensor, pass: Omit<TrainingPass, "sites">): number {
  const counter = trainingContext(parameterInputs(model), { ...pass, sites: 0 });
  model.forward(counter, images);
  return counter.dropPathSites();
}
