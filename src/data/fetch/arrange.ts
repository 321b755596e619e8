/** Lists of samples (`samples.csv`) for datasets that state labels and parts in their own formats. */
import { join } from "node:path";
import { FileError } from "../../errors/errors.js";
import { type MatValue, readMat } from "../../formats/mat.js";
import { writeFileAtomic } from "../../system/files/atomic-file.js";
import { linesOf } from "../../system/files/lines.js";

interface Sample {
  readonly path: string;
  readonly label: string | number;
  readonly split: "train" | "test";
}

async function writeList(folder: string, samples: readonly Sample[]): Promise<void> {
  const lines = samples.map(({ path, label, split }) => `${path},${label},${split}`);
  await writeFileAtomic(join(folder, "samples.csv"), `path,label,split\n${lines.join("\n")}\n`);
}

/**
 * Oxford flowers: labels by image number, and the numbers of each part. Training uses train and val, as in the paper.
 */
export async function flowersList(folder: string): Promise<void> {
  const file = join(folder, "setid.mat");
  const labels = numbersIn((await readMat(join(folder, "imagelabels.mat"), ["labels"])).get("labels"), file);
  const sets = await readMat(file, ["trnid", "valid", "tstid"]);
  const part = (name: string) => numbersIn(sets.get(name), file);
  const sample = (split: Sample["split"]) => (id: number) => {
    const label = labels[id - 1];
    if (label === undefined) throw new FileError(file, `"${file}" names the image ${id}, which has no label.`);
    return { path: `jpg/image_${String(id).padStart(5, "0")}.jpg`, label: label - 1, split };
  };
  const train = [...part("trnid"), ...part("valid")].map(sample("train"));
  await writeList(folder, [...train, ...part("tstid").map(sample("test"))]);
}

function numbersIn(value: MatValue | undefined, path: string): readonly number[] {
  if (Array.isArray(value) && value.every((v) => Number.isInteger(v))) return value as readonly number[];
  throw new FileError(path, `"${path}" does not contain the expected numbers; fetch the data again.`);
}

/** Oxford pets: lines `Abyssinian_100 1 1 1` for each part; the breed is in the name. */
export async function petsList(folder: string): Promise<void> {
  const samples: Sample[] = [];
  for (const [name, split] of [["trainval", "train"] as const, ["test", "test"] as const]) {
    const path = join(folder, "annotations", `${name}.txt`);
    for await (const line of linesOf(path)) {
      const [, image, breed] = /^(([\w-]+)_\d+)\s/.exec(line) ?? [];
      if (image !== undefined) samples.push({ path: `images/${image}.jpg`, label: breed, split });
    }
  }
  await writeList(folder, samples);
}
