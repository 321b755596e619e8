/** Whoever decides on images in `deit agreement`: a model of deit's, or an ONNX file of any classifier. */
import type { Engine } from "../engines/engine.js";
import { type Decider, probeDecider } from "../evaluation/agreement.js";
import { headLogits } from "../evaluation/heads.js";
import type { OpenedModel } from "../evaluation/open-model.js";
import { Probe } from "../evaluation/probe.js";
import type { Sight } from "../evaluation/sight.js";
import { imagenetNormalization } from "../models/model.js";
import { parseRecipe } from "../training/recipe.js";
import { applySettings } from "../training/recipe-file.js";
import { openOnnxTeacher } from "../training/teacher-onnx.js";

export interface Contestant extends Decider {
  /** How it wants to see an image. */
  readonly sight: Sight;
  close(): Promise<void>;
}

export async function modelContestant(engine: Engine, name: string, opened: OpenedModel): Promise<Contestant> {
  const { model, weights } = opened;
  const probe = await Probe.create(engine, model, weights, headLogits(model));
  return { ...probeDecider(name, probe), sight: model, close: () => probe.dispose() };
}

export interface OnnxContestantOptions {
  readonly name: string;
  readonly path: string;
  /** Classes of the data; the file's own are matched with them by name. */
  readonly classes: readonly string[];
  /** Images of a run. */
  readonly batch: number;
  /** `key=value` of `teacherNormalization`, `teacherImageSize` and `teacherClasses`, where the file does not say. */
  readonly settings: readonly string[];
}

/** Opens the file as a teacher that looks at images as they are. */
export async function onnxContestant(options: OnnxContestantOptions): Promise<Contestant> {
  const { name, path, classes, batch, settings } = options;
  const plain = { distillation: "soft", teacherWeights: path, mixup: 0, cutmix: 0, eraseProbability: 0 };
  const teacher = await openOnnxTeacher(path, parseRecipe({ ...applySettings({}, settings), ...plain }), classes);
  const answers = await teacher.open({ normalization: imagenetNormalization }, batch);
  const indices = new Int32Array(batch);
  return {
    name,
    heads: ["both"],
    sight: { imageSize: answers.viewSize, cropRatio: 0.875 },
    run: async (images, count) => {
      const shown = { step: 0, first: 0, images, labels: indices, indices, count };
      return new Map([["both", await answers.answer(0, 0, shown)]]);
    },
    close: () => answers.close(),
  };
}
