/** A small classifier with lively answers, as a checkpoint of deit's own. */
import { type Channels, createModel, initialize, writeSafetensors } from "../../src/index.js";
import { float32, type NamedTensors } from "../../src/tensor/index.js";

const smallSizes = {
  ...{ imageSize: 64, patchSize: 16, width: 48, depth: 3, heads: 3, classes: 7, distilled: true },
};
export const smallClasses = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu"];

/** Writes it. */
export async function writeSmall(path: string, channels: Channels = 3): Promise<void> {
  const model = createModel("deit", { ...smallSizes, channels });
  await writeSafetensors(path, lively(initialize(model, 3)), {
    "deit.model": "deit",
    "deit.config": JSON.stringify({ ...smallSizes, ...(channels === 3 ? {} : { channels }) }),
    "deit.classes": JSON.stringify(smallClasses),
  });
}

/** Larger weights than the initial ones, whose answers hardly depend on the picture. */
const lively = (weights: NamedTensors): NamedTensors =>
  new Map(
    [...weights].map(([name, t]) => [
      name,
      /norm|bias|cls_token/.test(name)
        ? t
        : float32(
            t.shape,
            (t.data as Float32Array).map((v) => 6 * v),
          ),
    ]),
  );
