/** What `train` wants to know. */

import type { ProcessGroup } from "../../cluster/process-group.js";
import type { Dataset, SplitRule } from "../../data/dataset/dataset.js";
import type { OwnAugmentation } from "../../data/loading/on-this-thread.js";
import type { Engine, Precision } from "../../engines/engine.js";
import type { OwnModel } from "../../models/own-model.js";
import type { DataPlace } from "../feed/data-place.js";
import type { Recipe } from "../recipe/recipe.js";
import type { TrainEvent } from "../run-folder/events.js";
import type { Loss } from "../step/losses/index.js";
import type { OwnTeacher } from "../teacher/function.js";
import type { OnNaN } from "./broken-run.js";

/** What `train` wants to know. */
export interface TrainOptions {
  readonly recipe: Recipe;
  /** Divides the recipe's batch into as many runs (its `accumulate`) as memory asks for; the step stays the same. */
  readonly fitBatch?: boolean;
  readonly engine: Engine;
  /** Makes the model instead of the registry; its name must be the recipe's. */
  readonly ownModel?: OwnModel;
  /** The loss against labels instead of the recipe's, which it cannot record: whoever resumes gives it again. */
  readonly loss?: Loss;
  /** A function that teaches instead of weights; the recipe's teacherWeights name it (`ownTeacherName`). */
  readonly ownTeacher?: OwnTeacher;
  /**
   * Path of the training data, whose parts for validation and testing are measured on; or a dataset of the caller's own,
   * all of which is for training unless `split` divides it.
   */
  readonly data: DataPlace;
  /** Other data to choose the best epoch on. */
  readonly validation?: DataPlace;
  /** Other data to measure the best epoch on, once, at the end. */
  readonly test?: DataPlace;
  /** How the data is divided for training and testing (default: by its own parts). */
  readonly split?: SplitRule;
  /** The images for training, if `data` is open already and divided by `split`; spares opening it again. */
  readonly training?: Dataset;
  readonly output: string;
  readonly resume?: boolean;
  /** Settings of the recipe that may differ from those of the run that is resumed. */
  readonly allowChanges?: readonly string[];
  /** Minutes between saved states within an epoch (default: 10). */
  readonly checkpointMinutes?: number;
  /** Saved states that are kept; default: 2, so that a broken newest one loses little. */
  readonly keepStates?: number;
  /** What to do about a loss that is not a number (default: stop). */
  readonly onNaN?: OnNaN;
  /** Weights to begin from instead of the recipe's `finetune`. */
  readonly finetune?: string;
  readonly workers: number;
  /** Changes training images after the recipe's own augmentation, which the recipe cannot record. */
  readonly augment?: OwnAugmentation;
  /** Processes that train together; the first one writes the run folder, which all must see. */
  readonly group?: ProcessGroup;
  readonly onBadImage?: "stop" | "skip";
  /** Number format of matrix products (default: float32). */
  readonly precision?: Precision;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: TrainEvent) => void;
}
