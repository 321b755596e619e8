/** Stored features of the frozen part in a run: where they lie, and what they take. */
import { join } from "node:path";
import type { ProcessGroup } from "../../cluster/process-group.js";
import type { Dataset } from "../../data/dataset/dataset.js";
import type { LoaderOptions } from "../../data/loading/loader.js";
import type { DeviceState, Engine, Precision } from "../../engines/engine.js";
import { UsageError } from "../../errors/errors.js";
import { type Message, sentence, setting } from "../../errors/sentence.js";
import type { Model } from "../../models/model.js";
import { type Tail, tailAbove } from "../../models/tail.js";
import { trainedOf } from "../../models/trained-parts.js";
import { byteText } from "../../system/text/byte-text.js";
import type { NamedTensors } from "../../tensor/index.js";
import { FrozenPart } from "../frozen/frozen-part.js";
import { featureIdentity } from "../frozen/identity.js";
import { StoredViews } from "../frozen/stored-views.js";
import type { Recipe } from "../recipe/recipe.js";

/** Throws UsageError for several processes, which would all have to wait for one. */
export function requireAlone({ count }: ProcessGroup): void {
  if (count > 1)
    throw new UsageError(
      sentence`Several processes do not store features of the frozen part together; train in a single one, or leave out ${setting("frozenViews")}.`,
    );
}

interface StoredRun {
  readonly recipe: Recipe;
  readonly model: Model;
  readonly dataset: Dataset;
  readonly views: LoaderOptions;
  /** The run folder. */
  readonly folder: string;
}

interface OnDevice {
  readonly engine: Engine;
  readonly precision?: Precision;
  readonly state: DeviceState;
}

/** The trained part of a model whose frozen part is stored; undefined if the recipe stores none. */
export function tailOfRun(model: Model, { frozenViews, trainedParts }: Recipe): Tail | undefined {
  const { cut } = trainedOf(model, trainedParts);
  return frozenViews !== undefined && cut ? tailAbove(model, cut) : undefined;
}

/** The stored views of a run, and the frozen part that makes them; undefined if the recipe stores none. */
export async function storedViewsOf(
  { recipe, model, dataset, views, folder }: StoredRun,
  device: OnDevice,
  parameters: NamedTensors,
): Promise<{ readonly views: StoredViews; close(): Promise<void> } | undefined> {
  const tail = tailOfRun(model, recipe);
  if (!tail) return undefined;
  const part = await FrozenPart.open(device, { recipe, model, tail });
  const identity = featureIdentity(dataset, recipe, { model, tail, parameters, precision: device.precision });
  const place = recipe.frozenCache ?? join(folder, "features");
  const stored = await StoredViews.open({ recipe, dataset, tail, part, identity, views, folder: place }).catch(
    async (error) => {
      await part.dispose();
      throw error;
    },
  );
  return {
    views: stored,
    close: async () => {
      await stored.close();
      await part.dispose();
    },
  };
}

/** What the features take, told before they are stored. */
export function storedSentence({ size, folder }: StoredViews, { epochs, frozenFormat }: Recipe): Message {
  const { views, images, bytes } = size;
  const several = views === 1 ? "one view" : `${views} views`;
  const turn = views < epochs ? `; the ${epochs} epochs go through them in turn` : "";
  return `The frozen part sees ${several} of each of ${images.toLocaleString("en")} images, and what it makes of them takes ${byteText(bytes)} (${frozenFormat}) in "${folder}"${turn}.`;
}
