// The models that are verified: published weights, and two trained from them in a few minutes, with fixed seeds. What is
// trained is kept in `folder`.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export function verifiedModels({ shared, folder, deit }) {
  const published = join(shared, "weights/deit_tiny_patch16_224.safetensors");
  const train = (name, data, settings) => {
    const run = join(folder, "runs", name);
    if (!existsSync(join(run, "best.safetensors")))
      deit(["train", data(), "--output", run, "--seed", "0", "--finetune", published, "--set", ...settings]);
    return run;
  };
  const distilled = () =>
    train("distilled", () => sampleFolder(shared, join(folder, "data/sample")), [
      ...["model=deit_tiny_distilled_patch16_224", "headStart=fitted"],
      ...["distillation=hard", "teacher=deit_tiny_patch16_224", `teacherWeights=${published}`],
      ...["epochs=1", "batchSize=20", "repeatedAugmentation=1", "lr=1e-4", "scaleLr=false", "warmupEpochs=0"],
    ]);
  // At another resolution than that of the published weights.
  const fineTuned = () =>
    train("fine-tuned", () => cifarFolder(shared, join(folder, "data/cifar")), [
      ...["model=deit_tiny_patch16_224", "imageSize=160", "headStart=fitted"],
      ...["epochs=1", "batchSize=20", "repeatedAugmentation=1", "lr=1e-4", "scaleLr=false", "warmupEpochs=0"],
    ]);
  return [
    { title: "published", model: "deit_tiny_patch16_224", source: () => published },
    { title: "distilled", model: "deit_tiny_distilled_patch16_224", source: distilled },
    { title: "fine-tuned at 160 pixels", model: "deit_tiny_patch16_224", source: fineTuned },
  ];
}

const place = (from, to) => {
  if (existsSync(to)) return;
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
};

/** The sample images in folders of their classes, so that the published teacher knows all of them. */
function sampleFolder(shared, target) {
  const images = join(shared, "data/imagenet-sample");
  const names = new Map(
    readFileSync(join(shared, "data/imagenet-classes.txt"), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(" ")),
  );
  for (const part of ["train", "test"])
    for (const [i, file] of readdirSync(images).sort().entries()) {
      if (part === "test" && i % 10 > 0) continue;
      const folder = join(target, part, names.get(file.split("_")[0]));
      mkdirSync(folder, { recursive: true });
      place(join(images, file), join(folder, file));
    }
  return target;
}

/** CIFAR-10: the first 20 pictures of each class to train on, the first ones of the test part to test on. */
function cifarFolder(shared, target) {
  if (existsSync(target)) return target;
  mkdirSync(target, { recursive: true });
  const pictures = ["train/*/00[01]?.jpg", "test/*/000[0-3].jpg"];
  const archive = join(shared, "data/cifar10-images.tar.xz");
  execFileSync("tar", ["-xf", archive, "-C", target, "--wildcards", ...pictures]);
  return target;
}
