/** Data that may be read in more than one way, or that says less than it seems to: refused or told, with what decides. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { takeInventory } from "../../src/data/check/inventory.js";
import { sayings } from "../../src/data/dataset/dataset.js";
import { openForMeasuring, openPart } from "../../src/data/sources/open.js";
import { openTrainingData } from "../../src/data/sources/training-classes.js";
import { counted, holds, image, scratchData, tar } from "./made-data.js";

let data: Awaited<ReturnType<typeof scratchData>>;
beforeAll(async () => {
  data = await scratchData();
});
afterAll(() => data.remove());
const made: typeof data.made = (files) => data.made(files);

const train = (path: string) => openPart(path, { split: "train" });

describe("Tiny ImageNet", () => {
  const [goldfish, cat] = ["n01443537", "n02124075"];
  const layout = {
    [`train/${goldfish}/images/${goldfish}_0.JPEG`]: image,
    [`train/${goldfish}/${goldfish}_boxes.txt`]: `${goldfish}_0.JPEG\t0\t0\t1\t1\n`,
    [`train/${cat}/images/${cat}_0.JPEG`]: image,
    [`train/${cat}/images/${cat}_1.JPEG`]: image,
    "val/images/val_0.JPEG": image,
    "val/images/val_1.JPEG": image,
    "val/val_annotations.txt": `val_0.JPEG\t${cat}\t0\t32\t44\t62\nval_1.JPEG\t${goldfish}\t0\t0\t1\t1\n`,
    "test/images/test_0.JPEG": image,
    "wnids.txt": `${cat}\n${goldfish}\n`,
  };

  it("is read as distributed, and measured on the labelled part", async () => {
    const path = await made(layout);
    expect(await holds(path)).toBe(`train ${goldfish}:1 ${cat}:2; validation ${goldfish}:1 ${cat}:1`);
    const { part, dataset } = await openForMeasuring(path, {});
    expect([part, dataset.label(0), dataset.label(1)]).toEqual(["validation", 1, 0]);
    expect(sayings(dataset).join()).toMatch(/test.*"images" alone, which is none of the 2 classes/);
  });

  it("whose table and images do not match is refused", async () => {
    for (const [changes, message] of [
      [{ "val/val_annotations.txt": `val_0.JPEG\t${cat}\n` }, /states no class of "val_1.JPEG"/],
      [
        { "val/val_annotations.txt": `val_0.JPEG\t${cat}\nval_1.JPEG\t${cat}\nval_2.JPEG\t${cat}\n` },
        /names images that are not in .*: "val_2.JPEG"/,
      ],
      [{ "val/val_annotations.txt": "val_0.JPEG cat\n" }, /Line 1 of .* does not begin as/],
      [
        { "val/val_annotations.txt": `val_0.JPEG\t${cat}\nval_1.JPEG\tn00000000\n` },
        /samples of "n00000000", which is not one of the 2 classes/,
      ],
    ] as const)
      await expect(holds(await made({ ...layout, ...changes }))).rejects.toThrow(message);
  });

  it("that was sorted into class folders goes by these", async () => {
    const path = await made({ "val_annotations.txt": "x", "a/1.png": image, "b/1.png": image });
    expect(await holds(path)).toBe("train a:1 b:1");
  });
});

describe("folders", () => {
  it("of a part that are not classes of the others are named, with a suggestion", async () => {
    const two = "train/Cat/1.png train/Dog/1.png val/Dog/1.png";
    for (const [more, message] of [
      ["val/cat/1.png", /"cat|val\/cat" is none of the 2 classes \("Cat", "Dog"\); did you mean "Cat"\?/],
      ["val/bird/1.png", /val\/bird" is none of the 2 classes \("Cat", "Dog"\); remove it/],
    ] as const)
      await expect(holds(await made(`${two} ${more}`))).rejects.toThrow(message);
  });

  it("that were meant are found below folders without images", async () => {
    const inner = "ILSVRC/Data/CLS-LOC";
    const path = await made({
      "ILSVRC/Annotations/1.xml": "",
      [`${inner}/train/n01440764/1.JPEG`]: image,
      [`${inner}/train/n01443537/1.JPEG`]: image,
      [`${inner}/val/ILSVRC2012_val_00000001.JPEG`]: image,
      "LOC_val_solution.csv": "ImageId,PredictionString\nILSVRC2012_val_00000001,n01443537 1 2 3 4\n",
    });
    await expect(openTrainingData(path, {})).rejects.toThrow(/did you mean ".*CLS-LOC", which holds "train", "val"\?/);
    expect(await holds(join(path, inner))).toBe("train n01440764:1 n01443537:1; validation n01440764:0 n01443537:1");
  });

  it("that name both a part and a class are refused; classes that only sound like parts are not parts", async () => {
    const path = await made("train_pos/1.png train_neg/1.png test_pos/1.png test_neg/1.png");
    await expect(train(path)).rejects.toThrow(/"test_neg", "train_neg" .* a part and a class at once.*"train\/neg"/);
    expect(await holds(`folders:${path}`)).toBe("train test_neg:1 test_pos:1 train_neg:1 train_pos:1");
    expect(await holds(await made("train_station/1.png test_tube/1.png"))).toBe("train test_tube:1 train_station:1");
  });

  it("of images next to shards are not omitted silently", async () => {
    const path = await made({ "cat/1.png": image, "x.tar": await tar({ "0.png": "x", "0.cls": "0" }) });
    await expect(train(path)).rejects.toThrow(/holds shards and images in "cat".*wds:.*folders:/);
    expect(await holds(`wds:${path}`)).toBe("train 0:1");
  });

  it("of one class name the lists beside", async () => {
    const path = await made({ "images/1.png": image, "train.csv": "id,label\n1,cat\n" });
    await expect(openTrainingData(path, {})).rejects.toThrow(
      /or the list of the classes if that is what ".*train.csv" is/,
    );
  });

  it("without class folders get their classes from unambiguous names", async () => {
    const breeds = await made("great_dane_1.png great_dane_2.png great_pyrenees_1.png pug_1.png");
    await expect(train(breeds)).rejects.toThrow(
      /read in two ways: "great_dane_1.png", "great_pyrenees_1.png" are of the class "great", or of "great_dane" and "great_pyrenees".*flat,label=last/,
    );
    expect(await holds(`flat,label=last:${breeds}`)).toBe("train great_dane:2 great_pyrenees:1 pug:1");
    expect(await holds(`flat,label=first:${breeds}`)).toBe("train great:3 pug:1");
    const wanted = await openPart(breeds, { split: "train", classes: ["great_dane", "great_pyrenees", "pug"] });
    expect(counted(wanted)).toBe("great_dane:2 great_pyrenees:1 pug:1");
    expect(await holds(await made("n01_10_1.png n01_7_2.png n02_3_1.png"))).toBe("train n01:2 n02:1");
    await expect(train(`flat,label=middle:${breeds}`)).rejects.toThrow(/not a way to read the names/);
  });

  it("with a name each are nothing to learn from, but may be measured on by classes that are known", async () => {
    const each = await made("n01_tench.png n02_ray.png n03_robin.png n04_frog.png n05_newt.png");
    await expect(openTrainingData(each, {})).rejects.toThrow(/5 samples .* each have a label of their own/);
    expect(await holds(each)).toBe("train n01:1 n02:1 n03:1 n04:1 n05:1");
    const wanted = await openPart(each, { split: "train", classes: ["n03", "n01", "n02", "n04", "n05"] });
    expect(wanted.label(0)).toBe(1);
  });
});

describe("lists", () => {
  const names = [0, 1, 2, 3, 4, 5];
  const files = Object.fromEntries(names.map((i) => [`img/${i}.png`, image]));
  /** A list of the images with these cells behind their paths. */
  const list = async (header: string, cells: (i: number) => string | number) => {
    const rows = names.map((i) => `img/${i}.png,${cells(i)}\n`);
    return join(await made({ ...files, "x.csv": `${header}\n${rows.join("")}` }), "x.csv");
  };
  const kind = (i: number) => (i % 2 ? "dog" : "cat");

  it.each([
    [
      "dataset",
      (i: number) => ["train", "Val", "test"][i >> 1],
      /column "dataset" that seems to name parts \("train", "Val", "test"\).*list,split=dataset/,
    ],
    [
      "is_valid",
      (i: number) => (i > 3 ? "True" : "False"),
      /column "is_valid" .*list,split=is_valid,train=False,validation=True:/,
    ],
    ["is_test", (i: number) => Number(i > 3), /list,split=is_test,train=0,test=1:/],
    ["train", (i: number) => Number(i < 4), /list,split=train,test=0,train=1:/],
  ])("with a column %s that divides them are refused until it is said", async (name, value, message) => {
    const path = await list(`path,label,${name}`, (i) => `${kind(i)},${value(i)}`);
    await expect(train(path)).rejects.toThrow(message);
    expect(await holds(`list,split=none:${path}`)).toBe("train cat:3 dog:3");
  });

  it("are divided by such a column on request", async () => {
    const path = await list("path,label,is_valid", (i) => `${kind(i)},${i > 3 ? "True" : "False"}`);
    expect(await holds(`list,split=is_valid,train=False,validation=True:${path}`)).toBe(
      "train cat:2 dog:2; validation cat:1 dog:1",
    );
  });

  it.each([
    [
      "a comma in a cell",
      "path,label",
      (i: number) => (i === 4 ? "cat, black" : kind(i)),
      /Sample 5 .* more cells than the 2 columns .*"black" is beyond/,
    ],
    [
      "captions for classes",
      "path,label",
      (i: number) => `picture no. ${i}`,
      /6 samples .* each have a label of their own/,
    ],
  ])("with %s are refused", async (_, header, cells, message) => {
    await expect(openTrainingData(await list(header, cells), {})).rejects.toThrow(message);
  });

  const written = async (text: string) => join(await made({ ...files, "x.csv": text }), "x.csv");

  it("that give an image two classes, as lists of boxes may, are refused wherever they are opened", async () => {
    const header = "image,label,xmin,ymin,xmax,ymax\n";
    const boxes = ["0.png,cat", "1.png,dog", "0.png,dog", "1.png,cat", "2.png,cat"].map(
      (row) => `img/${row},1,1,5,5\n`,
    );
    const message =
      /gives the image "img\/0.png" two classes: "cat" in sample 1 and "dog" in sample 3, and so to 1 more;.*cut these out/;
    const path = await written(header + boxes.join(""));
    for (const open of [train, holds, (p: string) => openTrainingData(p, {}), (p: string) => openForMeasuring(p, {})])
      await expect(open(path)).rejects.toThrow(message);
    await expect(takeInventory(path)).rejects.toThrow(message);
    const parted = "path,label,split\nimg/0.png,cat,train\nimg/1.png,dog,train\nimg/0.png,dog,test\n";
    await expect(train(await written(parted))).rejects.toThrow(/two classes: "cat" in sample 1 and "dog" in sample 3;/);
  });

  it("with comment lines and mixed line endings are read, with a note on the comments", async () => {
    const text =
      "# made by hand\r\npath,label\r\nimg/0.png,cat\n# img/5.png,cat\nimg/1.png,dog\rimg/2.png,cat\r\n\n#1.png,dog\r\n";
    const path = await made({ ...files, "#1.png": image, "x.csv": text });
    expect(await holds(join(path, "x.csv"))).toBe("train cat:2 dog:2");
    expect(sayings(await train(join(path, "x.csv")))).toEqual([expect.stringMatching(/^2 lines of .* begin with #/)]);
    for (const end of ["\r", "\n", "\r\n"])
      expect(await holds(await written(`img/0.png;cat${end}img/1.png;dog${end}`))).toBe("train cat:1 dog:1");
  });

  it("that name an image again under its class are accepted, with a note", async () => {
    const again = await written("path,label\nimg/0.png,cat\nimg/0.png,cat\nimg/1.png,dog\n");
    expect(await holds(again)).toBe("train cat:2 dog:1");
    expect(sayings(await train(again))).toEqual([expect.stringMatching(/^1 samples of .* name an image again/)]);
    const rows = ["0.png,cat,train", "1.png,dog,train", "0.png,cat,test", "2.png,dog,test"].map(
      (row) => `img/${row}\n`,
    );
    const crossing = await train(await written(`path,label,split\n${rows.join("")}`));
    expect(sayings(crossing)).toEqual([expect.stringMatching(/^1 image stands in more than one part/)]);
  });

  it("that name images of several parts, or two lists in a folder, are not taken in silence", async () => {
    const csv = ["train/1.png,cat", "train/2.png,dog", "test/1.png,cat"].join("\n");
    const images = { "train/1.png": image, "train/2.png": image, "test/1.png": image };
    const path = await made({ ...images, "metadata.csv": `file_name,label\n${csv}\n` });
    await expect(train(path)).rejects.toThrow(/images in folders of several parts \("train", "test"\).*split=none/);
    expect(await holds(`list,split=none:${path}`)).toBe("train cat:2 dog:1");
    const below = await made({ "test/train/1.png": image, "x.csv": "path,label\ntest/train/1.png,cat\n" });
    expect(await holds(join(below, "x.csv"))).toBe("train cat:1");
    const two = await made({
      "1.png": image,
      "samples.csv": "path,label\n1.png,cat\n",
      "metadata.csv": "path,label\n",
    });
    expect(sayings(await train(two))).toEqual([expect.stringMatching(/used is ".*samples.csv", not "metadata.csv"/)]);
  });

  it("may begin with a mark of their encoding, but not hold a header twice", async () => {
    const line = (i: number) => JSON.stringify({ path: `img/${i}.png`, label: kind(i) });
    const lines = await made({ ...files, "x.jsonl": `\ufeff${names.map(line).join("\n")}\n` });
    expect(await holds(join(lines, "x.jsonl"))).toBe("train cat:3 dog:3");
    const twice = await list("path,label", (i) => (i === 2 ? "cat\npath,label" : kind(i)));
    await expect(train(twice)).rejects.toThrow(/Sample 4 .* repeats its header/);
  });

  it("that are not encoded in UTF-8 are refused", async () => {
    const latin = Buffer.from(`path,label\nimg/0.png,\u00e9t\u00e9\nimg/1.png,hiver\n`, "latin1");
    const path = join(await made({ ...files, "x.csv": latin }), "x.csv");
    await expect(train(path)).rejects.toThrow(/Sample 1 .* not UTF-8 in the column "label"/);
  });

  it.each([
    [
      "numbers, 1 or more",
      "path,label",
      (i: number) => 1 + (i % 3),
      /count classes from 0 to 3, of which 0 has no image/,
    ],
    [
      "a word for what is missing",
      "path,label",
      (i: number) => (i === 5 ? "nan" : kind(i)),
      /"nan" is treated as a class/,
    ],
    ["folds", "path,label,fold", (i: number) => `${kind(i)},${i % 3}`, /column "fold" .* is not used/],
  ])("with %s are told of", async (_, header, cells, message) => {
    const found = await train(await list(header, cells));
    expect(sayings(found)).toEqual([expect.stringMatching(message)]);
  });
});

describe("shards", () => {
  it.each([
    [
      "a class in binary",
      { "0.png": "x", "0.cls": Buffer.of(1, 0, 0, 0, 0, 0, 0, 0, 0) },
      /"0.cls" .* is not UTF-8 text/,
    ],
    ["an image that is not read", { "0.heic": "x", "0.cls": "1" }, /no image that is read, but HEIC/],
    ["an array", { "0.npy": "x", "0.cls": "1" }, /no image, but "\.npy", "\.cls"/],
    ["members apart", { "0.png": "x", "1.png": "x", "0.cls": "1", "1.cls": "0" }, /sample "0" .* occurs twice/],
    ["folders", { "cat/0.png": "x", "dog/1.png": "x" }, /has no class.*unpack the archive and give the folder/],
    [
      "captions",
      Object.fromEntries(
        [0, 1, 2, 3, 4].flatMap((i) => [
          [`${i}.png`, "x"],
          [`${i}.txt`, `photo ${i}`],
        ]),
      ),
      /each have a label of their own/,
    ],
  ])("with %s are refused by name", async (_, members, message) => {
    await expect(openTrainingData(await made({ "x.tar": await tar(members) }), {})).rejects.toThrow(message);
  });
});

it("what is not a dataset is named", async () => {
  const path = await made({ "photos.zip": Buffer.from("PK\x03\x04"), "a.jpg": await readFile(image) });
  await expect(train(join(path, "photos.zip"))).rejects.toThrow(/is a zip archive and no dataset; unpack it/);
  await expect(train(join(path, "a.jpg"))).rejects.toThrow(/is PNG and no dataset; give the folder/);
});

describe("a folder that holds nothing but a folder", () => {
  const under = (folder: string, tree: Readonly<Record<string, string | Buffer>>) =>
    Object.fromEntries(Object.entries(tree).map(([name, content]) => [`${folder}/${name}`, content]));

  it("stands for it if its content is unmistakable, with a note", async () => {
    const batch = Buffer.alloc(2 * 3073);
    batch[3073] = 1;
    const cifar = { "data_batch_1.bin": batch, "test_batch.bin": batch };
    const listed = { "metadata.csv": "path,label\n1.png,cat\n2.png,dog\n", "1.png": image, "2.png": image };
    for (const [tree, found] of [
      [under("cifar-10/cifar-10-batches-bin", { ...cifar, "readme.html": "" }), "train 0:1 1:1; test 0:1 1:1"],
      [{ ...under("a/b/c", listed), "readme.txt": "", "__MACOSX/a/._b": "" }, "train cat:1 dog:1"],
    ] as const) {
      const path = await made(tree);
      expect(await holds(path)).toBe(found);
      expect(sayings(await train(path)).join()).toMatch(/holds nothing but the folder ".*", whose data is taken/);
    }
  });

  it("of folders is refused with the folder that was meant: it may be a class itself", async () => {
    const path = await made(under("pets", { "cat/1.png": image, "dog/1.png": image }));
    await expect(openTrainingData(path, {})).rejects.toThrow(/did you mean ".*pets", which holds "cat", "dog"\?/);
  });
});

describe("names of files with numbers behind dots", () => {
  it("tell the class, as dog.12.jpg does", async () => {
    expect(await holds(await made("cat.0.png cat.1.png dog.0.png"))).toBe("train cat:2 dog:1");
    expect(await holds(await made("cat.0.png red_fox.1.png red_fox.2.png"))).toBe("train cat:1 red_fox:2");
    const numbers = await made({ "train/cat.0.png": image, "train/dog.0.png": image, "test1/1.png": image });
    expect(await holds(join(numbers, "train"))).toBe("train cat:1 dog:1");
    await expect(train(await made("great_dane.1.png great_pyrenees.2.png"))).rejects.toThrow(/be read in two ways/);
  });
});

it("sub-folders with the same names in every class are refused, with the option that decides", async () => {
  const path = await made({
    "cat/cam1/1.png": image,
    "cat/cam2/1.png": image,
    "dog/cam1/1.png": image,
    "dog/cam2/1.png": image,
  });
  await expect(train(path)).rejects.toThrow(
    /"cat", "dog" hold the same folders.*If all folders are classes, write folders:/,
  );
  expect(await holds(`folders:${path}`)).toBe("train cat:2 dog:2");
});
