/** Data that holds something twice or packed, or nothing that names its classes: refused or told. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { notesOf, openAllParts } from "../../src/data/sources/all-parts.js";
import { openPart } from "../../src/data/sources/open.js";
import { counted, holds, image, scratchData } from "./made-data.js";

let data: Awaited<ReturnType<typeof scratchData>>;
beforeAll(async () => {
  data = await scratchData();
});
afterAll(() => data.remove());
const made: typeof data.made = (files) => data.made(files);

const train = (path: string) => openPart(path, { split: "train" });
const notes = async (path: string) => notesOf(await openAllParts(path, {}));

describe("class folders", () => {
  it("that another class folder holds again are refused", async () => {
    const path = await made("daisy/1.png rose/1.png flowers/daisy/1.png flowers/rose/1.png");
    await expect(train(path)).rejects.toThrow(
      /flowers" holds folders of the same names as those beside it \("daisy", "rose"\).*write folders:/,
    );
    expect(await holds(`folders:${path}`)).toBe("train daisy:1 flowers:2 rose:1");
  });

  it("with folders of their own, or one that is called as another class, are taken", async () => {
    expect(await holds(await made("cat/young/1.png cat/old/1.png dog/1.png"))).toBe("train cat:2 dog:1");
    expect(await holds(await made("cat/dog/1.png dog/1.png toy/cat/1.png"))).toBe("train cat:1 dog:1 toy:1");
  });
});

describe("a folder of files", () => {
  it.each([
    ["IMG_1.png IMG_2.png DSC_1.png", "DSC"],
    ["20240131_120000.png 20240201_120001.png", "20240131"],
    ["cat_1.png cat_2.png Screenshot_3.png", "Screenshot"],
    ["PXL_20240131_1.png", "PXL"],
  ])("named by a camera (%s) has no classes", async (names, first) => {
    const path = await made(names);
    await expect(train(path)).rejects.toThrow(`if "${first}" is a class, write flat,label=first:`);
    expect(counted(await openPart(`flat,label=first:${path}`, { split: "train" }))).toContain(`${first}:`);
  });

  it("with numbers before different words may have its classes in either", async () => {
    const path = await made("0_cat.png 0_dog.png 1_cat.png 1_dog.png");
    await expect(train(path)).rejects.toThrow(
      /begin with numbers, and different words follow \("0_cat.png", "0_dog.png"\)/,
    );
    expect(await holds(`flat,label=first:${path}`)).toBe("train 0:2 1:2");
    expect(await holds(await made("0_img1.png 0_img2.png 7_img3.png"))).toBe("train 0:2 7:1");
    expect(await holds(await made("0_001.png 0_002.png 7_003.png"))).toBe("train 0:2 7:1");
  });
});

describe("archives", () => {
  it("among the parts are told, unless their part is there", async () => {
    const path = await made({ "train/cat/1.png": image, "train/dog/1.png": image, "val.zip": "x", "train.zip": "x" });
    expect(await notes(path)).toEqual([`"val.zip" in "${path}" is an archive and left out; unpack it to use it.`]);
  });

  it("alone are named", async () => {
    await expect(train(await made({ "photos.zip": "x" }))).rejects.toThrow(
      /contains no images, but "photos.zip"; unpack it first/,
    );
  });
});

describe("lists", () => {
  it("with a column for each class are refused with what to write", async () => {
    const rows = ["0.png,1,0,0", "1.png,0,0,1"];
    const path = await made({ "0.png": image, "1.png": image, "a.csv": ["image,rust,scab,ok", ...rows].join("\n") });
    await expect(train(`${path}/a.csv`)).rejects.toThrow(/a column for each class \("rust", "scab", "ok"\).*"label"/);
  });

  it("whose labels name several classes are told", async () => {
    const list = (labels: readonly string[]) =>
      ["image,label", ...labels.map((label, i) => `${i}.png,${label}`)].join("\n");
    const path = await made({
      ...Object.fromEntries([0, 1, 2].map((i) => [`${i}.png`, image])),
      "several.csv": list(["Mass", "Edema", "Edema|Mass"]),
      "lists.csv": list(['"[0, 1]"', '"[1]"', '"[1]"']),
      "one.csv": list(["New York|USA", "Rome|Italy", "Rome|Italy"]),
    });
    expect((await notes(`${path}/several.csv`)).join()).toContain('several classes at once ("Edema|Mass")');
    expect((await notes(`${path}/lists.csv`)).join()).toContain('several classes at once ("[0, 1]" and 1 more)');
    expect(await notes(`${path}/one.csv`)).toEqual([]);
  });
});
