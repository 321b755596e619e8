import { describe, expect, it } from "vitest";
import type { Dataset } from "./dataset.js";
import { knownImages, readTrainedOn, writeTrainedOn } from "./trained-on.js";

const named = (name: string, keys: readonly string[]): Dataset => ({
  ...{ name, classes: ["a", "b"], length: keys.length },
  label: (i) => (keys[i].startsWith("a") ? 0 : 1),
  source: (i) => ({ kind: "file", path: `/some/where/${keys[i]}` }),
  describe: (i) => `/some/where/${keys[i]}`,
  key: (i) => keys[i],
});
const train = named("photos", ["a/1.jpg", "b/1.jpg", "b/2.jpg"]);
const test = named("photos", ["a/2.jpg", "b/3.jpg"]);

describe("what weights record about their training images", () => {
  it("is their number, hashes and the name of the data, and nothing else of the run", () => {
    const manifest = { ...knownImages(train)[0], data: "/some/where/photos", began: "2026-11-28T14:44:42.247Z" };
    const text = writeTrainedOn(train, [manifest], { share: 0.4, test });
    expect(JSON.parse(text)).toEqual({
      ...{ format: 1, name: "photos" },
      known: [{ images: 3, dataset: expect.stringMatching(/^[0-9a-f]{64}$/) }],
      // Six bytes for each of the two, as base64.
      split: { share: 0.4, test: expect.stringMatching(/^[A-Za-z0-9+/]{16}$/) },
    });
  });

  it("recognises the images that were held out", () => {
    const text = writeTrainedOn(train, knownImages(train, train), { share: 0.4, test });
    const { name, known, split } = readTrainedOn(text, "x.safetensors")!;
    expect([name, known]).toEqual(["photos", knownImages(train)]);
    expect(split).toMatchObject({ kind: "recorded", path: "x.safetensors", share: 0.4 });
    expect(split!.test.size).toBe(2);
    const has = (key: string) => split!.test.has(key);
    expect(["a/2.jpg", "b/3.jpg", "a/1.jpg", "b/1.jpg"].map(has)).toEqual([true, true, false, false]);
  });

  it("reports images that could not be read", () => {
    const sound = named("photos", ["a/1.jpg", "b/1.jpg"]);
    expect(readTrainedOn(writeTrainedOn(train, knownImages(sound, train)), "x")!.known.map((k) => k.images)).toEqual([
      2, 3,
    ]);
  });

  it.each(["", "{}", '{"format":1,"name":"x","known":[]}', '{"format":2}'])("is refused as %s", (text) =>
    expect(() => readTrainedOn(text, "x.safetensors")).toThrow("is damaged; take another checkpoint"),
  );
});
