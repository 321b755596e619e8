// Imports point downwards only, between the folders of src and between the rooms of the larger ones (scripts/rooms.cjs).
const rooms = require("./scripts/rooms.cjs");

const within = (folder, room) => `^${folder}/${room}(/|\\.ts$)`;
const rules = Object.entries(rooms).flatMap(([folder, table]) =>
  Object.entries(table).map(([room, may]) => ({
    name: `${folder}/${room}-looks-downwards`,
    severity: "error",
    from: { path: within(folder, room), pathNot: "\\.test\\.ts$" },
    to: { path: `^${folder}/`, pathNot: [within(folder, room), ...may.map((name) => within(folder, name))] },
  })),
);

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "the-library-needs-no-terminal-and-no-plots",
      severity: "error",
      from: { path: "^src/((data|engines|tensor|training|web)/)?index\\.ts$" },
      to: { path: "^src/(cli|report)/|node_modules/(commander|linkedom|@observablehq)/", reachable: true },
    },
    {
      name: "pages-need-nothing-of-node",
      severity: "error",
      from: { path: "^src/web/index\\.ts$" },
      to: {
        path: [
          "^(node:)?(assert|buffer|child_process|crypto|events|fs|http|https|module|net|os|path|perf_hooks|process|stream|timers|tty|url|util|v8|vm|worker_threads|zlib)(/|$)",
          "node_modules/(sharp|koffi|yaml|jiti|commander|onnxruntime-node|@julusian|@huggingface)/|^vendor/",
        ],
        reachable: true,
      },
    },
    { name: "no-orphan-imports", severity: "error", from: {}, to: { couldNotResolve: true } },
    ...rules,
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  },
};
