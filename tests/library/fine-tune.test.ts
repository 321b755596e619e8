/** `fineTune`: what it makes of few, odd and wrong images, and which models it takes. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  classifier,
  createModel,
  type FineTuneEvent,
  type FineTuneOptions,
  fineTune,
  type ImageClassifier,
  initialize,
  type ModelOptions,
  RandomStream,
} from "../../src/index.js";

const side = 32;
const sizes = { imageSize: side, patchSize: 8, width: 24, depth: 2, heads: 2, classes: 4 };

/** An image of one colour under noise: red ones and blue ones are easily told apart. */
function image(colour: "red" | "blue", nth: number) {
  const stream = new RandomStream({ seed: 1, purpose: colour, sample: nth });
  const bright = colour === "red" ? 0 : 2;
  return {
    ...{ width: side, height: side },
    data: Uint8Array.from({ length: 3 * side * side }, (_, i) => (i % 3 === bright ? 150 : 50) + stream.integer(60)),
  };
}
const images = (colour: "red" | "blue", count: number) => Array.from({ length: count }, (_, nth) => image(colour, nth));
const opened = (name: string, options: ModelOptions) => {
  const model = createModel(name, options);
  return classifier({ model, weights: initialize(model, 0) }, { engine: "onnx" });
};

let base: ImageClassifier;
beforeAll(async () => {
  base = await opened("deit", sizes);
});
afterAll(() => base.close());

/** Fine-tunes, and returns the result with what was told. */
async function tuned(given: Record<string, ReturnType<typeof image>[]>, options: FineTuneOptions = {}) {
  const events: FineTuneEvent[] = [];
  const result = await fineTune(base, given, { ...options, onEvent: (event) => events.push(event) });
  const warnings = events.flatMap((event) => (event.kind === "warning" ? [event.message] : []));
  return { ...result, warnings, start: events.find(({ kind }) => kind === "start") };
}

describe("fineTune", () => {
  it("counts an image that is given twice once", async () => {
    const red = images("red", 5);
    const { warnings, start, close } = await tuned({ red: [...red, red[0]], blue: images("blue", 5) });
    expect(warnings).toEqual(['"image 5 of red" is given twice and used once.']);
    expect(start).toMatchObject({ training: 8, heldOut: 2 });
    await close();
  });

  it("holds nothing of a class with one image out, and says so", async () => {
    const { warnings, heldOut, classify, close } = await tuned({ red: images("red", 1), blue: images("blue", 5) });
    expect(warnings).toEqual([expect.stringContaining('"red" has one image, so none of it is held out')]);
    expect(heldOut!.confusion.map((row) => row.reduce((sum, n) => sum + n, 0))).toEqual([0, 1]);
    expect(classify.classes).toEqual(["red", "blue"]);
    await close();
  });

  it("measures nothing without held-out images, and trains all blocks of a model", async () => {
    const options = { validation: 0, blocks: 2, epochs: 2, seed: 3 };
    const run = () => tuned({ red: images("red", 4), blue: images("blue", 6) }, options);
    const { heldOut, history, weights, classify, close } = await run();
    expect(heldOut).toBeUndefined();
    expect(history.map(({ validation }) => validation)).toEqual([undefined, undefined]);
    const [{ label }] = await classify(image("blue", 77), { top: 1 });
    expect(label).toBe("blue");
    const again = await run();
    expect(again.history).toEqual(history); // the seed decides all that is random
    expect(again.weights.get("blocks.0.mlp.fc1.weight")).toEqual(weights.get("blocks.0.mlp.fc1.weight"));
    await Promise.all([close(), again.close()]);
  });

  it.each([
    [{ red: images("red", 2) }, {}, /Only the class "red" is given/],
    [{ red: images("red", 2), blue: [] }, {}, /The class "blue" has no images/],
    [
      { red: images("red", 2), other: images("red", 1) },
      {},
      /"image 0 of other" of the class "other" is the same image/,
    ],
    [
      { red: images("red", 2), blue: images("blue", 2) },
      { blocks: 3 },
      /The last 3 blocks of "deit" cannot be trained, since it has 2/,
    ],
    [{ red: images("red", 2), blue: images("blue", 2) }, { epochs: 3 }, /the head alone is fitted without steps/],
    [{ red: images("red", 2), blue: images("blue", 2) }, { validation: 1 }, /a share from 0 to below 1/],
  ] as const)("refuses what it cannot do (%#)", async (given, options, message) => {
    await expect(fineTune(base, given as never, options)).rejects.toThrow(message);
  });

  it("fits the head of a RegNetY, which has no blocks to train", async () => {
    await using convnet = await opened("regnety", { imageSize: side, classes: 3 });
    const given = { red: images("red", 4), blue: images("blue", 4) };
    const { heldOut, close } = await fineTune(convnet, given, { validation: 0.25 });
    expect(heldOut!.count).toBe(2);
    await close();
    await expect(fineTune(convnet, given, { blocks: 1 })).rejects.toThrow(/regnety/);
  });
});
