/** Builds the playground into dist/playground: static files with relative addresses, for any host and any folder of it. */
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { palette } from "../src/report/styles.js";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/**
 * ONNX Runtime stays outside: its files lie in `ort/` beside the page, so that its module and its WebAssembly, which it
 * loads from beside itself, are of one version.
 */
const runtime = {
  "onnxruntime-web/wasm": "../ort/ort.wasm.bundle.min.mjs",
  "onnxruntime-web/webgpu": "../ort/ort.webgpu.bundle.min.mjs",
} as const;

/** The colours of deit's reports, by the reader's choice or else by that of the system. */
const colours: Plugin = {
  name: "palette",
  resolveId: (id) => (id === "virtual:palette.css" ? `\0${id}` : undefined),
  load: (id) =>
    id === "\0virtual:palette.css"
      ? `:root{color-scheme:light;${palette.light}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;${palette.dark}}}
:root[data-theme=dark]{color-scheme:dark;${palette.dark}}`
      : undefined,
};

/** Tells the service worker which files make up the page, and a name for this state of them. */
const offline: Plugin = {
  name: "offline",
  generateBundle(_, bundle) {
    const worker = Object.values(bundle).find((file) => file.fileName === "service-worker.js");
    if (worker?.type !== "chunk") throw new Error("The service worker is missing.");
    const built = Object.keys(bundle).filter((name) => name !== "service-worker.js" && !name.endsWith(".map"));
    const files = [...built, ...readdirSync(here("./public"))].sort();
    const version = createHash("sha256").update(files.join("\n")).digest("hex").slice(0, 12);
    worker.code = worker.code.replace("__SHELL__", JSON.stringify({ version, files }));
  },
};

export default defineConfig({
  root: here("."),
  base: "./",
  resolve: { alias: { "deit/web": here("../src/web/index.ts") } },
  plugins: [colours, offline],
  build: {
    outDir: here("../dist/playground"),
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    rolldownOptions: {
      checks: { pluginTimings: false },
      input: { index: here("./index.html"), "service-worker": here("./src/offline/service-worker.ts") },
      output: {
        entryFileNames: ({ name }) => (name === "service-worker" ? "service-worker.js" : "assets/[name]-[hash].js"),
      },
    },
  },
  worker: {
    format: "es",
    rolldownOptions: { checks: { pluginTimings: false }, external: Object.keys(runtime), output: { paths: runtime } },
  },
});
