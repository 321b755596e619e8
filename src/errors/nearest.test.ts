import { expect, it } from "vitest";
import { nearest } from "./nearest.js";

const models = ["deit_tiny_patch16_224", "deit_tiny_distilled_patch16_224", "deit", "linear", "regnety", "regnety_040"];
const settings = ["lr", "trainedParts", "imageSize", "dropPath", "epochs", "warmupEpochs", "mixup", "cutmix", "model"];
const sets = ["cifar10", "cifar100", "pets", "flowers102"];

it.each([
  ["epoch", settings, "epochs"],
  ["epcohs", settings, "epochs"],
  ["image_size", settings, "imageSize"],
  ["warmup-epochs", settings, "warmupEpochs"],
  ["learning_rate", settings, undefined],
  ["xyz", settings, undefined],
  ["mnist", sets, undefined],
  ["cifar", sets, "cifar10"],
  ["CIFAR-100", sets, "cifar100"],
  ["resnet50", models, undefined],
  ["deit_tiny", models, "deit_tiny_patch16_224"],
  ["deit_tiny_patch16_224.fb_in1k", models, "deit_tiny_patch16_224"],
  ["timm/deit_tiny_patch16_224", models, "deit_tiny_patch16_224"],
  ["vit_tiny_patch16_224", models, "deit_tiny_patch16_224"],
  ["regnety_004", models, "regnety_040"],
  ["", models, undefined],
  ["lx", settings, "lr"],
])("takes %s for what was meant, or for nothing known", (word, candidates, meant) => {
  expect(nearest(word, candidates)).toBe(meant);
});
