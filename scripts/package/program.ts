// Trains and predicts as a user's program does: with the installed package, in strict TypeScript (npm run package:check).
import { classifier, train } from "deit";
import { parseRecipe } from "deit/training";

const sizes = { model: "deit", imageSize: 32, patchSize: 8, width: 32, depth: 1, heads: 2 };
const recipe = parseRecipe({ ...sizes, epochs: 1, batchSize: 16, repeatedAugmentation: 1 });
const run = await train("procedural:32:64", { recipe, engine: "onnx", output: "run", workers: 0 });
for await (const event of run) if (event.kind === "epoch") console.log(`epoch ${event.record.epoch}`);
const { folder } = await run.finished;

const classify = await classifier(folder, { engine: "onnx" });
const [best] = await classify({ width: 32, height: 32, data: new Uint8Array(32 * 32 * 3).fill(128) }, { top: 1 });
console.log(`trained, and predicted ${best?.label}`);
