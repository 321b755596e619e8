/** The files of the playground: its page, which is part of this package, and ONNX Runtime for it, which is not. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { EngineError } from "../../errors/errors.js";
import { packageRoot } from "../../system/files/package-root.js";

/** The folder of the page. Throws EngineError if it was not built. */
export function pageFolder(): string {
  const folder = fileURLToPath(new URL("dist/playground/", packageRoot()));
  if (existsSync(join(folder, "index.html"))) return folder;
  throw new EngineError(
    `The playground's files are missing in "${folder}"; install the package again, or run npm run build in a checkout.`,
  );
}

/** What `deit/web` loads of ONNX Runtime, in `ort/` beside the page. */
export const runtimeFiles = [
  ...["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"],
  ...["ort.webgpu.bundle.min.mjs", "ort-wasm-simd-threaded.asyncify.wasm"],
] as const;

/** The folder of onnxruntime-web, beside this package or in the project that runs; undefined if it is not installed. */
export function runtimeFolder(): string | undefined {
  const places = [import.meta.url, pathToFileURL(join(process.cwd(), "package.json")).href];
  for (const place of places) {
    try {
      const folder = dirname(createRequire(place).resolve("onnxruntime-web/wasm"));
      if (runtimeFiles.every((name) => existsSync(join(folder, name)))) return folder;
    } catch {
      // Not from here.
    }
  }
  return undefined;
}
