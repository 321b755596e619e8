/** Options of `train`. */

import type { ProcessGroup } from "../../cluster/process-group.js";
import type { Dataset, SplitRule } from "../../data/dataset/dataset.js";
import type { OwnAugmentation } from "../../data/loading/on-this-thread.js";
import type { Engine, Precision } from "../../engines/engine.js";
import type { OwnModel } from "../../models/own-model.js";
import type { DataPlace } from "../feed/data-place.js";
import type { Recipe } from "../recipe/recipe.js";
import type { TrainEvent } from "../run-folder/events.js";
import type { Loss } from "../step/losses/index.js";
import type { OwnTeachers } from "../teacher/own.js";
import type { OnNaN } from "./broken-run.js";

/** Options of `train`. */
export interface TrainOptions {
  /** Everything that decides how the run goes. */
  readonly recipe: Recipe;
  /** Divides the recipe's batch into as many runs (its `accumulate`) as needed to fit memory; the step is unchanged. */
  readonly fitBatch?: boolean;
  /** Where the step runs; it stays open afterwards. */
  readonly engine: Engine;
  /** Creates the model instead of the registry; its name must be the recipe's. */
  readonly ownModel?: OwnModel;
  /** The loss against labels instead of the recipe's, which cannot record it: pass it again to resume. */
  readonly loss?: Loss;
  /**
   * A function or a model in memory instead of weights, or several: the recipe's teacherWeights refer to them
   * (`ownTeacherName`).
   */
  readonly ownTeacher?: OwnTeachers;
  /**
   * Path of the training data, whose validation and test parts are used for evaluation; or the caller's own dataset,
   * all of which is for training unless `split` divides it.
   */
  readonly data: DataPlace;
  /** Other data to choose the best epoch on. */
  readonly validation?: DataPlace;
  /** Other data to evaluate the best epoch on, once, at the end. */
  readonly test?: DataPlace;
  /** How the data is divided for training and testing (default: by its own parts). */
  readonly split?: SplitRule;
  /** The training images, if `data` is already open and divided by `split`; avoids opening it again. */
  readonly training?: Dataset;
  /** Run folder: weights, log, saved states. */
  readonly output: string;
  /** Continues the run in `output`; it is an error if there is one and this is not set. */
  readonly resume?: boolean;
  /** Recipe settings that may differ from those of the resumed run. */
  readonly allowChanges?: readonly string[];
  /** Minutes between saved states within an epoch (default: 10). */
  readonly checkpointMinutes?: number;
  /** Number of saved states that are kept (default: 2, so that little is lost if the newest is corrupt). */
  readonly keepStates?: number;
  /** What to do about a loss that is not finite (default: stop). */
  readonly onNaN?: OnNaN;
  /** Weights to start from instead of the recipe's `finetune`. */
  readonly finetune?: string;
  /** Threads that read images; 0 reads them on this thread. */
  readonly workers: number;
  /** Changes training images after the recipe's own augmentation, which the recipe cannot record. */
  readonly augment?: OwnAugmentation;
  /** Processes that train together; the first one writes the run folder, to which all must have access. */
  readonly group?: ProcessGroup;
  /** `stop` (the default) refuses data with images that cannot be read; `skip` leaves them out. */
  readonly onBadImage?: "stop" | "skip";
  /** Number format of matrix products (default: float32). */
  readonly precision?: Precision;
  /** Saves the run and ends it; the result says `interrupted`. */
  readonly signal?: AbortSignal;
  /** Called for each event of the run, in order. */
  readonly onEvent?: (event: TrainEvent) => void;
}
