/** Micro models with logits of timm on PyTorch (DEIT_SHARED/fixtures, tests/fixtures/models). */
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors/safetensors.js";
import { deit } from "../../src/models/deit.js";
import type { Model } from "../../src/models/model.js";
import { regnety } from "../../src/models/regnet.js";
import { type HostTensor, hostTensor, sizeOf } from "../../src/tensor/index.js";
import { shared } from "../setup/reference-data.js";

const sizes = { imageSize: 32, patchSize: 8, width: 48, depth: 3, heads: 3, classes: 7 };
const own = new URL("../fixtures/models/deit3_micro.safetensors", import.meta.url).pathname;
const ofRegnety = new URL("../fixtures/export/logits.safetensors", import.meta.url).pathname;
const ofShared = (name: string) => join(shared, "fixtures", `${name}.safetensors`);

/** A model, and the file with its weights, a batch and its logits. */
interface Micro {
  readonly model: () => Model;
  readonly file: string;
}

export const micros = {
  plain: { model: () => deit("deit", sizes), file: ofShared("deit_micro") },
  distilled: { model: () => deit("deit", { ...sizes, distilled: true }), file: ofShared("deit_micro_distilled") },
  deit3: {
    model: () =>
      deit("deit", {
        ...{ imageSize: 16, patchSize: 4, width: 8, depth: 2, heads: 2, classes: 3 },
        ...{ noEmbedClass: true, layerScale: 0.5 },
      }),
    file: own,
  },
  regnety: {
    model: () =>
      regnety(
        "regnety",
        { depth: 6, initialWidth: 8, slope: 12, factor: 2, groupWidth: 4 },
        { imageSize: 64, stemWidth: 8, classes: 7 },
      ),
    file: ofShared("regnety_micro"),
  },
} as const satisfies Readonly<Record<string, Micro>>;

export type MicroName = keyof typeof micros;

/** A micro model as a checkpoint of deit in `folder`, and what timm answers for a batch of normalised images. */
export interface MicroCheckpoint {
  readonly path: string;
  /** float32 `[batch, 3, height, width]`. */
  readonly images: HostTensor;
  readonly stored: ReadonlyMap<string, HostTensor>;
}

export const classNames = (count: number): readonly string[] =>
  ["ant", "bee", "cat", "dog", "elk", "fox", "gnu"].slice(0, count);

/** Writes it. */
export async function microCheckpoint(name: MicroName, folder: string): Promise<MicroCheckpoint> {
  const { file } = micros[name];
  const model: Model = micros[name].model();
  const { tensors } = await readSafetensors(file);
  const logits = name === "regnety" ? (await readSafetensors(ofRegnety)).tensors.get(name)! : tensors.get("logits")!;
  const stored = new Map([...tensors, ["logits", logits]]);
  const weights = new Map(model.parameters.map((p) => [p.name, stored.get(`model.${p.name}`)!]));
  const path = join(folder, `${name}.safetensors`);
  await writeSafetensors(path, weights, {
    "deit.model": model.name,
    "deit.config": JSON.stringify(model.config),
    "deit.classes": JSON.stringify(classNames(model.classes)),
  });
  const images = stored.get("input") ?? channelsFirst(stored.get("images")!);
  return { path, images, stored };
}

/** `[batch, height, width, 3]` to `[batch, 3, height, width]`; left as it is if the channels come first. */
function channelsFirst(images: HostTensor): HostTensor {
  const [batch, height, width, channels] = images.shape;
  if (height === 3) return images;
  const pixels = height * width;
  const shape = [batch, channels, height, width];
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
    const [n, c, p] = [Math.floor(i / (channels * pixels)), Math.floor(i / pixels) % channels, i % pixels];
    return images.data[(n * pixels + p) * channels + c] as number;
  });
  return hostTensor("float32", shape, data);
}
