// What a rearrangement of the code must leave as it is, taken through the library's public face alone: recipes with all
// their settings, the sentences of refused ones, the parameters of all models, and small models after one step.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

const digest = (value) => createHash("sha256").update(value).digest("hex").slice(0, 16);

/** @param {typeof import("deit")} deit */
export async function snapshots(deit) {
  return {
    recipes: packagedRecipes(deit),
    refusals: refusals(deit),
    models: models(deit),
    steps: await firstSteps(deit),
  };
}

/** Every packaged recipe as it is followed. */
function packagedRecipes({ parseRecipe }) {
  const folder = new URL("../../recipes/", import.meta.url);
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  const read = (name) => JSON.parse(readFileSync(new URL(name, folder), "utf8"));
  // A recipe that wants a teacher or weights is completed as its user would.
  const given = { teacherWeights: "teacher.safetensors", finetune: "weights.safetensors" };
  return Object.fromEntries(
    names.sort().map((name) => {
      const { about, why, ...settings } = parseRecipe({ ...given, ...read(name) });
      return [name, settings];
    }),
  );
}

/** What is said of values that no setting, or few, can have; and of settings that contradict each other. */
function refusals({ parseRecipe, recipeSchema }) {
  const wrong = [null, "nonsense", -1, 1e300, [], { x: 1 }];
  const single = Object.keys(recipeSchema.shape).flatMap((key) => wrong.map((value) => ({ [key]: value })));
  const together = [
    { lernrate: 1 },
    { "warmup-epochs": 3 },
    { opt: "lamb" },
    { regnet: { slop: 1 } },
    { distillation: "hard" },
    { distillation: "soft" },
    { cropScale: [1, 0.5] },
    { cropRatio: [2, 1] },
    { lrNoise: [0.9, 0.1] },
    { cosub: true, distillation: "labels" },
    { why: { nothing: "x" } },
    { epochs: 0 },
    { cooldownEpochs: 400 },
    { minLr: 1, lr: 0.1 },
    { autoAugment: "rand-x9" },
    { schedule: "linear" },
    { optimizer: "adam" },
    { loss: "mse" },
    { epochs: "many", batchSize: 0 },
  ];
  const sentence = (settings) => {
    try {
      parseRecipe(settings);
      return undefined;
    } catch (error) {
      return error.message;
    }
  };
  return Object.fromEntries(
    [...single, ...together].flatMap((settings) => {
      const said = sentence(settings);
      return said === undefined ? [] : [[JSON.stringify(settings), withoutNames(said)]];
    }),
  );
}

/** Names that can be chosen become more with time. */
const withoutNames = (sentence) =>
  sentence.replace(
    /^(The setting "(?:optimizer|schedule|loss|distillation)" of the recipe is wrong: .*(?:can be|must be one of)) .*$/,
    "$1 …",
  );

/** Parameters of every model: their number, and a digest of names, shapes, initialisers and decay. */
function models({ createModel, modelNames }) {
  return Object.fromEntries(
    modelNames().map((name) => {
      const model = createModel(name);
      const specs = model.parameters.map(({ name, shape, init, kind, decay }) => [name, shape, init, kind, decay]);
      const { imageSize, classes, distilled, normalization, cropRatio } = model;
      const about = { imageSize, classes, distilled, normalization, cropRatio };
      return [name, { ...about, parameters: specs.length, digest: digest(JSON.stringify(specs)) }];
    }),
  );
}

const tiny = { imageSize: 32, patchSize: 8, width: 32, depth: 2, heads: 2, classes: 5 };
const small = {
  plain: ["deit", { ...tiny, dropPath: 0.1 }],
  distilled: ["deit_tiny_distilled_patch16_224", tiny],
  linear: ["linear", { imageSize: 8, classes: 5 }],
  regnety: ["regnety", { imageSize: 32, classes: 5 }],
};
const optimizers = {
  // An epsilon that keeps gradients of nothing but rounding from moving a parameter by the whole rate.
  adamw: { kind: "adamw", betas: [0.9, 0.999], epsilon: 0.01, weightDecay: 0.05 },
  sgd: { kind: "sgd", momentum: 0.9, nesterov: true, weightDecay: 1e-4 },
};

/** Initial weights by a digest, and sums over each parameter after one step, to compare within rounding. */
async function firstSteps({ createModel, createOnnxEngine, createOptimizer, initialize, trainStep, tensor }) {
  const engine = await createOnnxEngine({ threads: 1 });
  try {
    const result = {};
    for (const [name, [model, options]] of Object.entries(small))
      for (const [kind, optimizer] of Object.entries(optimizers))
        result[`${name} ${kind}`] = await firstStep(createModel(model, options), optimizer);
    return result;
  } finally {
    await engine.close();
  }

  async function firstStep(model, optimizer) {
    const batch = 2;
    const distillation = model.distilled ? { kind: "labels", alpha: 0.5 } : { kind: "none" };
    const step = trainStep(model, { batch, optimizer, distillation, labelSmoothing: 0.1, clipGradient: 1 });
    const weights = initialize(model, 7);
    const bytes = [...weights.values()].map(({ data }) =>
      digest(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
    );
    const first = [...step.state].map(([name, shape]) => [name, weights.get(name) ?? tensor.zeros("float32", shape)]);
    const state = await engine.createState(new Map(first));
    const program = await engine.compile(step.program);
    const pixels = batch * model.imageSize ** 2 * 3;
    const scalars = createOptimizer(optimizer).scalars(0.01, 1);
    const data = new Map();
    for (const { name, shape, role } of step.program.inputs) {
      if (role === "state") continue;
      const values =
        name === "images"
          ? Uint8Array.from({ length: pixels }, (_, i) => (i * 37 + (i >> 5)) % 256)
          : name === "labels"
            ? Int32Array.of(1, 3)
            : name in scalars
              ? Float32Array.of(scalars[name])
              : Float32Array.from({ length: tensor.sizeOf(shape) }, (_, i) => ((i * 7) % 10) / 10);
      const dtype = name === "images" ? "uint8" : name === "labels" ? "int32" : "float32";
      data.set(name, tensor.hostTensor(dtype, shape, values));
    }
    const outputs = await program.run(state, data);
    const after = await state.read();
    const sums = Object.fromEntries(
      model.parameters.map(({ name }) => {
        const values = after.get(name).data;
        return [
          name,
          [values.reduce((s, v) => s + v, 0), Math.sqrt(values.reduce((s, v) => s + v * v, 0))].map(rounded),
        ];
      }),
    );
    await program.dispose();
    await state.dispose();
    return { initial: digest(bytes.join()), loss: rounded(outputs.get("loss").data[0]), after: sums };
  }
}

const rounded = (value) => Number(value.toPrecision(6));
