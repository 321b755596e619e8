/**
 * The names that the package exports, subpath by subpath: what appears or disappears shows in `exports.txt`, which
 * `npx vitest run tests/package/exports.test.ts -u` writes anew. Types are looked at in declarations.test.ts.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "../cli/run.js";

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
};
const modules = Object.entries(manifest.exports).flatMap(([path, target]) =>
  typeof target === "string" ? [] : [[path, target] as const],
);

it("exports these names and no others", async () => {
  const lines: string[] = [];
  for (const [path, target] of modules) {
    const source = target.default.replace("./dist/", "../../src/").replace(/\.js$/, ".ts");
    const names = Object.keys(await import(source)).sort();
    lines.push(path, ...names.map((name) => `  ${name}`));
  }
  await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("exports.txt");
});

it("has a declaration next to each module, and all under dist", () => {
  expect(modules.length).toBeGreaterThan(1);
  for (const [, { types, default: module }] of modules) {
    expect(module).toMatch(/^\.\/dist\/.*\.js$/);
    expect(types).toBe(module.replace(/\.js$/, ".d.ts"));
  }
});
