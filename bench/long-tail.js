/**
 * A long-tailed part of a data set, as papers on skewed classes make it from CIFAR-10 (arXiv 1901.05555, section 5):
 *   node bench/long-tail.js SOURCE OUTPUT [IMBALANCE 100]
 * SOURCE holds train/ and test/ with a folder of image files per class. Of the c-th of C classes, by name, OUTPUT/train
 * links the first n / IMBALANCE^(c / (C - 1)) of its n images, by name; OUTPUT/test links the whole test part.
 */
import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";

const [source, output, imbalance = "100"] = process.argv.slice(2);
if (!source || !output) throw new Error("node bench/long-tail.js SOURCE OUTPUT [IMBALANCE]");

const classes = readdirSync(join(source, "train")).sort();
for (const [c, name] of classes.entries()) {
  const files = readdirSync(join(source, "train", name)).sort();
  const kept = files.slice(0, Math.floor(files.length / Number(imbalance) ** (c / (classes.length - 1))));
  mkdirSync(join(output, "train", name), { recursive: true });
  for (const file of kept) symlinkSync(resolve(source, "train", name, file), join(output, "train", name, file));
  console.log(`${name}: ${kept.length}`);
}
symlinkSync(resolve(source, "test"), join(output, "test"));
