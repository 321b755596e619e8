// Imports point downwards only. Each layer lists what it may see; everything else is an error.
const layers = {
  errors: [],
  random: ["errors"],
  system: ["errors"],
  tensor: ["errors"],
  engines: ["tensor", "errors", "system"],
  models: ["tensor", "random", "errors"],
  data: ["tensor", "random", "errors", "system"],
  weights: ["tensor", "errors", "system"],
  evaluation: ["models", "data", "weights", "engines", "tensor", "random", "errors", "system"],
  training: ["evaluation", "models", "data", "weights", "engines", "tensor", "random", "errors", "system"],
  report: ["training", "evaluation", "models", "data", "weights", "engines", "tensor", "random", "errors", "system"],
  cli: [
    "report",
    "training",
    "evaluation",
    "models",
    "data",
    "weights",
    "engines",
    "tensor",
    "random",
    "errors",
    "system",
  ],
};
const path = (name) => `^src/${name}(/|\\.ts$)`;
module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true, dependencyTypesNot: ["type-only"] } },
    { name: "no-orphan-imports", severity: "error", from: {}, to: { couldNotResolve: true } },
    ...Object.entries(layers).map(([layer, may]) => ({
      name: `${layer}-looks-downwards`,
      severity: "error",
      from: { path: path(layer), pathNot: "\\.test\\.ts$" },
      to: { path: "^src/", pathNot: [path(layer), ...may.map(path)] },
    })),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  },
};
