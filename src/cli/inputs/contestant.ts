/** Whoever decides on images in `deit agreement`: a model of deit's, or an ONNX file of any classifier. */
import type { Engine } from "../../engines/engine.js";
import { type Decider, probeDecider } from "../../evaluation/agreement.js";
import { headLogits } from "../../evaluation/heads.js";
import type { OpenedModel } from "../../evaluation/open-model.js";
import { Probe } from "../../evaluation/probe.js";
import type { EvaluationView, ViewChoice } from "../../evaluation/view.js";
import { imagenetNormalization } from "../../models/model.js";
import { applySettings } from "../../training/recipe/file.js";
import { parseRecipe } from "../../training/recipe/recipe.js";
import { openOnnxTeacher } from "../../training/teacher/onnx.js";

export interface Contestant extends Decider {
  readonly view: EvaluationView;
  close(): Promise<void>;
}

export async function modelContestant(engine: Engine, name: string, opened: OpenedModel): Promise<Contestant> {
  const { model, view, weights } = opened;
  const probe = await Probe.create(engine, model, weights, headLogits(model));
  return { ...probeDecider(name, probe), view, close: () => probe.dispose() };
}

export interface OnnxContestantOptions {
  readonly name: string;
  readonly path: string;
  /** Classes of the data; the file's own are matched with them by name. */
  readonly classes: readonly string[];
  /** Images of a run. */
  readonly batch: number;
  /** What the user says of how images are seen. */
  readonly chosen: ViewChoice;
  /** `key=value` of `teacherNormalization`, `teacherImageSize` and `teacherClasses`, where the file does not say. */
  readonly settings: readonly string[];
}

/** Opens the file as a teacher that looks at images as they are. */
export async function onnxContestant(options: OnnxContestantOptions): Promise<Contestant> {
  const { name, path, classes, batch, chosen, settings } = options;
  const plain = { distillation: "soft", teacherWeights: path, mixup: 0, cutmix: 0, eraseProbability: 0 };
  const teacher = await openOnnxTeacher(path, parseRecipe({ ...applySettings({}, settings), ...plain }), classes);
  const answers = await teacher.open({ normalization: imagenetNormalization }, batch);
  const indices = new Int32Array(batch);
  return {
    name,
    heads: ["both"],
    // Its pixels are renormalised for it, and it names its own normalisation.
    view: { ...teacher.view(chosen), imageSize: answers.viewSize, normalization: imagenetNormalization },
    run: async (images, count) => {
      const shown = { step: 0, first: 0, images, labels: indices, indices, count };
      return new Map([["both", await answers.answer(0, 0, shown)]]);
    },
    close: () => answers.close(),
  };
}
