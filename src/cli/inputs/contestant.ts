/** A classifier in `deit agreement`: a deit model, or an ONNX file of any classifier. */
import type { Engine } from "../../engines/engine.js";
import { type Decider, probeDecider } from "../../evaluation/agreement.js";
import { classColumns } from "../../evaluation/class-mapping.js";
import { headLogits } from "../../evaluation/heads.js";
import { type OnnxClassifierChoice, openOnnxClassifier } from "../../evaluation/onnx-file/classifier.js";
import { classifierNames, teacherNames } from "../../evaluation/onnx-file/names.js";
import { loadOverImages } from "../../evaluation/onnx-file/whole-images.js";
import type { OpenedModel } from "../../evaluation/open-model.js";
import { Probe } from "../../evaluation/probe.js";
import type { EvaluationView, ViewChoice } from "../../evaluation/view.js";
import { hostTensor } from "../../tensor/index.js";

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
  /** Images per run. */
  readonly batch: number;
  /** The user's settings for preprocessing. */
  readonly chosen: ViewChoice;
  /** The user's settings for the file. */
  readonly choice: OnnxClassifierChoice;
}

/** Its settings have the names of a recipe's teacher settings, which the command uses as options. */
const names = { ...classifierNames, setting: teacherNames.setting };

export async function onnxContestant(options: OnnxContestantOptions): Promise<Contestant> {
  const { name, path, classes, batch, chosen, choice } = options;
  const file = await openOnnxClassifier(path, choice, names);
  const columns = classColumns(file.description.classes, classes, path, names);
  const loaded = await loadOverImages(file, { batch, chosen, classes: classes.length });
  try {
    if (loaded.classes !== undefined) columns.require(loaded.classes);
  } catch (error) {
    await loaded.close();
    throw error;
  }
  return {
    name,
    heads: ["both"],
    view: loaded.view,
    run: async (images) => {
      const logits = columns.of(await loaded.logits(images), batch);
      return new Map([["both", hostTensor("float32", [batch, classes.length], logits)]]);
    },
    close: () => loaded.close(),
  };
}
