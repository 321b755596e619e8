// What the benchmarks take from the inside of the package, beyond its exports: one place that knows where it lies.
export { isLaunched, launch, launchEnvironment } from "../dist/cluster/launcher.js";
export { subset } from "../dist/data/dataset/dataset.js";
export { scratch } from "../dist/data/loading/read-ahead.js";
export { planResize } from "../dist/data/pixels/resize.js";
export { readSource } from "../dist/data/view/read-source.js";
export { readSample, writeView } from "../dist/data/view/view.js";
export { collectives } from "../dist/engines/xla/collectives.js";
export { createXlaEngine } from "../dist/engines/xla/engine.js";
export { inferenceProgram } from "../dist/evaluation/classifier.js";
export { drawChart } from "../dist/report/plot.js";
export { stepData } from "../dist/training/feed/step-data.js";
export { trainingTransform } from "../dist/training/feed/training-data.js";
export { optimizerOf } from "../dist/training/recipe/recipe.js";
export { createStudent } from "../dist/training/recipe/student.js";
export { stepOf } from "../dist/training/run/recipe-step.js";
export { eraseInputs } from "../dist/training/step/batch/erasing.js";
export { batchImages, batchInputs } from "../dist/training/step/batch/index.js";
export { mixInputs } from "../dist/training/step/batch/mixing.js";
