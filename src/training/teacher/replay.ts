/** Stored outputs of a teacher, replayed for a run. */

import type { Dataset } from "../../data/dataset/dataset.js";
import { FileError, TrainingError, UsageError } from "../../errors/errors.js";
import type { Model } from "../../models/model.js";
import { zeros } from "../../tensor/index.js";
import type { RecipeTeacher } from "../recipe/teachers.js";
import { neededAnswer } from "../step/distillation/index.js";
import type { TeacherAnswers } from "./answers.js";
import { epochFile, exists, formatOf, identityOf, readManifest, refuseForeign, storedFeatures } from "./manifest.js";
import { EpochAnswers } from "./stored-answers.js";

/**
 * Opens stored outputs for a run. Throws, with the reason, if they are for different data, views or a different teacher
 * (if `teacher`, its identity, is known), or do not suffice.
 */
export async function openTeacherCache(
  folder: string,
  { recipe, kind }: Pick<RecipeTeacher, "recipe" | "kind">,
  dataset: Dataset,
  student: Model,
  teacher?: string,
): Promise<TeacherAnswers> {
  const manifest = await readManifest(folder);
  refuseForeign(folder, manifest, { ...identityOf(dataset, recipe, student, ""), teacher });
  if (kind === "logits" && manifest.kind === "labels") {
    const [what, mode] =
      neededAnswer(recipe.distillation) === "logits"
        ? [`${recipe.distillation} distillation`, recipe.distillation]
        : ["the mean of several teachers", "soft"];
    throw new UsageError(
      `"${folder}" contains decisions only, but ${what} needs logits; create it with distillation=${mode}.`,
    );
  }
  const pairs = storedFeatures(folder, manifest, recipe, student);
  for (let epoch = 0; epoch < recipe.epochs; epoch++) {
    const path = epochFile(folder, epoch);
    if (await exists(path)) {
      await EpochAnswers.requireWhole(path);
      continue;
    }
    throw new TrainingError(
      `The cached teacher predictions in "${folder}" end before epoch ${epoch + 1} of ${recipe.epochs}; run deit teach again to extend them, or set epochs=${epoch}.`,
    );
  }
  let held: { readonly epoch: number; readonly answers: Promise<EpochAnswers> } | undefined;
  return {
    kind: manifest.kind,
    identity: manifest.identity.teacher,
    features: pairs.map(({ features }) => features),
    answer: async (epoch, run, { indices, first }) => {
      const path = epochFile(folder, epoch);
      if (held?.epoch !== epoch) held = { epoch, answers: EpochAnswers.read(path, formatOf(manifest, epoch)) };
      const answer = (await held.answers).answer(run, indices, first);
      if (answer)
        return {
          ...answer,
          // Those of later epochs have no weight.
          features: pairs.map(({ features: { grid, channels }, at }) => {
            return answer.features?.[at] ?? zeros("float32", [manifest.batch, ...grid, channels]);
          }),
        };
      throw new FileError(
        path,
        `"${path}" contains predictions for other views than those of run ${run}; create it again.`,
      );
    },
    close: async () => undefined,
  };
}
