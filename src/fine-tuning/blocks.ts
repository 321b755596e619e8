/** The last blocks and the head, trained on tokens that the frozen blocks before them have made: one program a step. */
import type { DeviceState, Engine, Executable } from "../engines/engine.js";
import { InterruptedError, TrainingError } from "../errors/errors.js";
import { decisionLogits, inferenceContext, parameterInputs } from "../models/context.js";
import type { Model } from "../models/model.js";
import { tailOf } from "../models/tail.js";
import { RandomStream } from "../random/stream.js";
import { Closing } from "../system/closing.js";
import { commonZeros } from "../tensor/host.js";
import { type HostTensor, hostTensor, input, type NamedTensors, program } from "../tensor/index.js";
import { batchTargets } from "../training/step/batch/index.js";
import { createOptimizer, type OptimizerOptions } from "../training/step/optimizers/index.js";
import { cosine } from "../training/step/schedules/cosine.js";
import { oneCycle } from "../training/step/schedules/cycles.js";
import { warmedUp } from "../training/step/schedules/index.js";
import { buildStep, stepInputs } from "../training/step/step.js";
import type { SeenExample, ViewFeatures } from "./features.js";
import { type Answers, measured } from "./measured.js";
import type { FineTuneEpoch, FineTuneSettings } from "./options.js";

const optimizer: OptimizerOptions = { kind: "adamw", betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.05 };

/** What the training of blocks needs. */
export interface BlockTraining {
  readonly engine: Engine;
  /** The model with the new classes. */
  readonly model: Model;
  /** All of its parameters, with heads that were fitted already: random ones would first spoil the blocks. */
  readonly weights: NamedTensors;
  readonly settings: FineTuneSettings;
  readonly training: readonly SeenExample[];
  readonly heldOut: readonly SeenExample[];
  readonly signal?: AbortSignal;
  readonly turn: () => Promise<void>;
  readonly onEpoch: (record: FineTuneEpoch) => void;
}

/** Trained parameters, and the answers for the examples that were held out. */
export interface TrainedBlocks {
  readonly tensors: NamedTensors;
  readonly answers: Answers;
}

/** Trains; throws InterruptedError when the signal is aborted, and TrainingError if the loss is no number. */
export async function trainBlocks(given: BlockTraining): Promise<TrainedBlocks> {
  const { training, heldOut, settings, onEpoch } = given;
  const closing = new Closing();
  try {
    const tail = await Tail.open(given, closing);
    const steps = Math.ceil(training.length / settings.batchSize);
    let answers: Answers = { logits: [], labels: [] };
    for (let epoch = 0; epoch < settings.epochs; epoch++) {
      const order = new RandomStream({ seed: settings.seed, purpose: "fine-tuning order", epoch });
      const shuffled = order.permutation(training.length);
      let [loss, correct] = [0, 0];
      for (let step = 0; step < steps; step++) {
        // The last batch is filled up from the beginning, so that every step has the same program.
        const chosen = Array.from({ length: settings.batchSize }, (_, i) => {
          const at = shuffled[(step * settings.batchSize + i) % training.length];
          const { label, views } = training[at];
          return { label, view: views[(epoch + at) % views.length] }; // each in turn
        });
        const done = await tail.step(chosen, epoch + step / steps, epoch * steps + step + 1);
        loss += done.loss / steps;
        correct += done.correct;
      }
      if (heldOut.length > 0) answers = await tail.answers(heldOut);
      onEpoch({
        epoch: epoch + 1,
        epochs: settings.epochs,
        loss,
        top1: (100 * correct) / (steps * settings.batchSize),
        ...(heldOut.length > 0 ? { validation: measured(answers) } : {}),
      });
    }
    return { tensors: await tail.parameters(), answers };
  } finally {
    await closing.close();
  }
}

/** One view of an example. */
interface LabelledView {
  readonly label: number;
  readonly view: ViewFeatures;
}

/** The trained part on the engine: its step, its answers and its state. */
class Tail {
  private constructor(
    private readonly given: BlockTraining,
    private readonly model: Model,
    private readonly state: DeviceState,
    private readonly training: Executable,
    private readonly answering: Executable,
    private readonly shape: readonly [tokens: number, width: number],
  ) {}

  static async open(given: BlockTraining, closing: Closing): Promise<Tail> {
    const { engine, model, weights, settings, training } = given;
    const tail = tailOf(model, settings.blocks);
    const width = Number(weights.get("norm.weight")!.shape[0]);
    const tokens = training[0].views[0].tokens!.length / width;
    const { batchSize: batch } = settings;
    const images = input("tokens", "float32", [batch, tokens, width]);
    const step = buildStep(
      tail,
      // Both heads of a distilled model learn the labels.
      { batch, optimizer, clipGradient: 1, distillation: { kind: "labels", alpha: 0.5 } },
      { images, target: batchTargets(batch, model.classes, 0) },
    );
    const logits = decisionLogits(tail.forward(inferenceContext(parameterInputs(tail)), images));
    const names = tail.parameters.map(({ name }) => name);
    const executables = [
      await engine.compile(step.program),
      await engine.compile(program({ name: "fine-tuning answers", outputs: { logits }, state: names })),
    ] as const;
    for (const executable of executables) closing.add(() => executable.dispose());
    const zero = commonZeros();
    const first = [...step.state].map(([name, shape]) => [name, weights.get(name) ?? zero(shape)] as const);
    const state = await engine.createState(new Map(first));
    closing.add(() => state.dispose());
    return new Tail(given, tail, state, ...executables, [tokens, width]);
  }

  /** The step of this number, counted from 1, at this fractional epoch. */
  async step(views: readonly LabelledView[], epoch: number, count: number) {
    const { settings, turn } = this.given;
    this.#requireGoingOn();
    const rate = this.#rate(epoch);
    const data = new Map<string, HostTensor>([
      ["tokens", this.#tokens(views.map(({ view }) => view))],
      [
        stepInputs.labels,
        hostTensor(
          "int32",
          [views.length],
          Int32Array.from(views, ({ label }) => label),
        ),
      ],
    ]);
    for (const [name, value] of Object.entries(createOptimizer(optimizer).scalars(rate, count)))
      data.set(name, hostTensor("float32", [], Float32Array.of(value)));
    const outputs = await this.training.run(this.state, data);
    await turn();
    const number = (name: string) => Number(outputs.get(name)!.data[0]);
    const [loss, norm] = [number("loss"), number("gradientNorm")];
    if (!Number.isFinite(loss) || !Number.isFinite(norm))
      throw new TrainingError(
        `The loss of step ${count} is no number; set a smaller learningRate than ${settings.learningRate}.`,
      );
    return { loss, correct: number("correct") };
  }

  /** Logits of the examples' own views. */
  async answers(examples: readonly SeenExample[]): Promise<Answers> {
    const { batchSize } = this.given.settings;
    const { classes } = this.model;
    const logits: Float32Array[] = [];
    for (let from = 0; from < examples.length; from += batchSize) {
      this.#requireGoingOn();
      const part = examples.slice(from, from + batchSize);
      const filled = Array.from({ length: batchSize }, (_, i) => part[i % part.length].views[0]);
      const outputs = await this.answering.run(this.state, new Map([["tokens", this.#tokens(filled)]]));
      const rows = outputs.get("logits")!.data as Float32Array;
      for (const i of part.keys()) logits.push(rows.slice(i * classes, (i + 1) * classes));
      await this.given.turn();
    }
    return { logits, labels: examples.map(({ label }) => label) };
  }

  /** Half a cosine after one epoch of warm-up. */
  #rate(at: number): number {
    const { learningRate: lr, epochs } = this.given.settings;
    const rates = { lr, epochs, warmupEpochs: 1, warmupLr: lr / 10, minLr: lr / 100 };
    return warmedUp(rates, at, () => cosine.rate({ ...rates, ...oneCycle }, at));
  }

  parameters(): Promise<NamedTensors> {
    this.#requireGoingOn();
    return this.state.read(this.model.parameters.map(({ name }) => name));
  }

  #tokens(views: readonly ViewFeatures[]): HostTensor {
    const [tokens, width] = this.shape;
    const all = new Float32Array(views.length * tokens * width);
    for (const [i, view] of views.entries()) all.set(view.tokens!, i * tokens * width);
    return hostTensor("float32", [views.length, tokens, width], all);
  }

  #requireGoingOn(): void {
    if (this.given.signal?.aborted) throw new InterruptedError("Fine-tuning was interrupted.");
  }
}
