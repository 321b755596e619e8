/** Runs exported ONNX files on images, with nothing of deit between them and ONNX Runtime. */

import type { RgbImage } from "../data/pixels/image.js";
import type { DeviceState } from "../engines/engine.js";
import { type FileExecutable, type OnnxEngine, startOnnxEngine } from "../engines/onnx/engine.js";
import type { EvaluationView } from "../evaluation/view.js";
import { heightAndWidth, pixelCount } from "../geometry/image-size.js";
import { portableNames } from "../portable/graph/portable.js";
import { imageNames, type WholeImage } from "../portable/graph/preprocessing.js";
import { type HostTensor, hostTensor } from "../tensor/index.js";

/** An open file. */
export class Runner {
  private constructor(
    private readonly engine: OnnxEngine,
    private readonly file: FileExecutable,
    private readonly state: DeviceState,
  ) {}

  static async open(path: string): Promise<Runner> {
    const engine = startOnnxEngine();
    try {
      return new Runner(engine, await engine.openFile(path), await engine.createState(new Map()));
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  /** The output `name` (default: the logits) of a batch of views, `count · height · width · channels` bytes. */
  pixels(
    images: Uint8Array,
    count: number,
    view: EvaluationView,
    name: string = portableNames.output,
  ): Promise<Float32Array> {
    return this.#run(portableNames.input, normalized(images, count, view), name);
  }

  /** Probabilities or logits for a whole image, which the graph takes as it says. */
  image({ height, width, data }: RgbImage, takes: WholeImage): Promise<Float32Array> {
    if (takes === "image")
      return this.#run(
        imageNames.input,
        hostTensor("uint8", [height, width, 3], data as Uint8Array),
        imageNames.output,
      );
    const pixels = height * width;
    const planes = Float32Array.from({ length: 3 * pixels }, (_, i) => data[3 * (i % pixels) + Math.floor(i / pixels)]);
    return this.#run(portableNames.input, hostTensor("float32", [1, 3, height, width], planes), portableNames.output);
  }

  async #run(input: string, value: HostTensor, output: string): Promise<Float32Array> {
    await this.state.write(new Map([[input, value]]));
    const { data } = await this.file.run(this.state, [[input, input]], output);
    return data as Float32Array;
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}

/** Bytes `[count, height, width, channels]` as `pixel_values`, float32 `[count, channels, height, width]`. */
function normalized(
  images: Uint8Array,
  count: number,
  { imageSize, channels, normalization: { mean, std } }: EvaluationView,
): HostTensor {
  const plane = pixelCount(imageSize);
  const values = new Float32Array(count * channels * plane);
  for (let n = 0; n < count; n++)
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < plane; p++)
        values[(n * channels + c) * plane + p] = (images[(n * plane + p) * channels + c] / 255 - mean[c]) / std[c];
  return hostTensor("float32", [count, channels, ...heightAndWidth(imageSize)], values);
}
