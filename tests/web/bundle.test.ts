/** What a page loads of `deit/web`. */
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { bundle } from "./browser.js";

describe("the bundle of deit/web", () => {
  it("is small and needs nothing of Node", async () => {
    const chunks = await bundle("dist/web/index.js");
    const imports = new Set(chunks.flatMap((c) => [...c.imports, ...c.dynamicImports]));
    for (const { fileName } of chunks) imports.delete(fileName);
    expect([...imports].sort()).toEqual(["onnxruntime-web/wasm", "onnxruntime-web/webgpu"]);
    // Globals of Node, which no import shows.
    const globals = chunks.flatMap(({ fileName, code }) =>
      [...code.matchAll(/(?<![.\w$"'`])(Buffer|setImmediate|__dirname)\b(?=\.|\()/g)].map(
        ([name]) => `${fileName}: ${name}`,
      ),
    );
    expect(globals).toEqual([]);
    const bytes = chunks.reduce((sum, { code }) => sum + gzipSync(code).length, 0);
    console.log(`deit/web: ${(bytes / 1000).toFixed(1)} kB gzipped`);
    expect(bytes).toBeLessThan(150_000);
  });
});
