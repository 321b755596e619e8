/**
 * A small set of photos as a user has it, drawn from CIFAR-10 by a seed, and the test images of its classes:
 *   node bench/few-photos.js CIFAR10-FOLDER OUTPUT [CLASSES 8] [IMAGES 60] [SEED 0]
 * CIFAR10-FOLDER holds train/ and test/ with a folder of image files per class. Written, as links: OUTPUT/photos with
 * IMAGES pictures in each of CLASSES folders, OUTPUT/test with all test images of these classes, and OUTPUT/test-few
 * with 125 of each, for looking around. What is chosen are the names with the smallest SHA-256 of "seed/name".
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";

const [source, output, classes = "8", images = "60", seed = "0"] = process.argv.slice(2);
if (!source || !output) throw new Error("node bench/few-photos.js CIFAR10-FOLDER OUTPUT [CLASSES] [IMAGES] [SEED]");

const chosen = (names, count, salt) => {
  const hash = (name) => createHash("sha256").update(`${salt}/${name}`).digest("hex");
  return names
    .map((name) => [hash(name), name])
    .sort()
    .slice(0, Number(count))
    .map(([, name]) => name)
    .sort();
};
const link = (part, name, files) => {
  const folder = join(output, part, name);
  mkdirSync(folder, { recursive: true });
  for (const file of files) symlinkSync(file, join(folder, file.split("/").at(-1)));
};
const files = (part, name) => readdirSync(join(source, part, name)).sort();
const paths = (part, name, list) => list.map((file) => resolve(source, part, name, file));

const names = chosen(readdirSync(join(source, "train")), classes, seed);
for (const name of names) {
  link("photos", name, paths("train", name, chosen(files("train", name), images, `${seed}/${name}`)));
  link("test", name, paths("test", name, files("test", name)));
  link("test-few", name, paths("test", name, chosen(files("test", name), 125, `${seed}/${name}`)));
}
console.log(names.join(" "));
