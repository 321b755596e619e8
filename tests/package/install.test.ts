/** What installing runs, warns of and brings: no script that downloads, no setting that npm does not know, no dead link. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { root } from "../cli/run.js";
import { packed } from "../docs/packed.js";

const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const manifest = json(join(root, "package.json"));
interface Locked {
  readonly version: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
}
const lock = Object.entries<Locked>(json(join(root, "package-lock.json")).packages).map(([path, locked]) => ({
  ...{ path, name: path.split("node_modules/").at(-1)! },
  ...locked,
}));

describe("npm ci in a checkout", () => {
  it("meets no setting that npm does not know", () => {
    const { stderr } = spawnSync("npm", ["pkg", "get", "name"], { cwd: root, encoding: "utf8" });
    expect(stderr).not.toMatch(/project config/);
  });

  it("runs no script of a dependency, and warns of none", () => {
    // npm before 11.10 knows no `allowScripts`; it runs what the lock file says has a script. That of onnxruntime-node
    // downloads CUDA libraries: after writing the lock file again, take its "hasInstallScript" out again.
    const withScripts = lock.filter((p) => p.hasInstallScript).map((p) => p.name);
    expect(withScripts).not.toContain("onnxruntime-node");
    for (const name of [...withScripts, "onnxruntime-node"])
      if (name !== "fsevents") expect(manifest.allowScripts).toHaveProperty([name], false);
  });

  it("keeps the modes of tracked files: what npm makes executable is committed as executable", () => {
    for (const path of Object.values<string>(manifest.bin))
      expect(execFileSync("git", ["ls-files", "-s", path], { cwd: root, encoding: "utf8" })).toMatch(/^100755 /);
  });

  it("takes ONNX Runtime's interface and library of one version", () => {
    const versions = ["onnxruntime-node", "onnxruntime-common"].map(
      (n) => lock.find((p) => p.path === `node_modules/${n}`)!.version,
    );
    expect(new Set([...versions, json(join(root, "vendor/onnxruntime/package.json")).version]).size).toBe(1);
  });
});

describe("the packed package", () => {
  let folder: string;
  const files = (under: string) =>
    readdirSync(join(folder, under), { recursive: true, encoding: "utf8" })
      .map((path) => join(under, path))
      .filter((path) => statSync(join(folder, path)).isFile());
  beforeAll(async () => {
    folder = join(await packed(), "node_modules/deit");
  }, 120_000);

  it("needs nothing with an install script that downloads", () => {
    expect(Object.keys(manifest.dependencies)).not.toContain("onnxruntime-node");
    const scripted = lock.filter((p) => !p.dev && p.hasInstallScript).map((p) => p.name);
    // Both only look for their prebuilt file, and compile where there is none.
    expect(scripted.sort()).toEqual(["@julusian/jpeg-turbo", "koffi"]);
  });

  it("brings the libraries that it copies, with their licences", () => {
    expect(
      files("vendor/webp")
        .map((f) => f.split("/").at(-1))
        .sort(),
    ).toEqual(["LICENSE", "package.json", "webp-dec.d.ts", "webp-dec.js", "webp-dec.wasm"].sort());
    for (const library of ["onnxruntime", "webp"])
      expect(readFileSync(join(folder, "vendor", library, "LICENSE"), "utf8")).toContain("Copyright");
  });

  it("has the files that its documents link to", () => {
    const documents = files(".").filter((f) => f.endsWith(".md"));
    const dead = documents.flatMap((document) => {
      const text = readFileSync(join(folder, document), "utf8").replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, "");
      return [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
        .map(([, target]) => normalize(join(dirname(document), target)))
        .filter((target) => !existsSync(join(folder, target)))
        .map((target) => `${document}: ${target}`);
    });
    expect(dead).toEqual([]);
  });

  it("brings source maps that hold their sources, and nothing of the build", () => {
    const maps = files("dist").filter((f) => f.endsWith(".map"));
    expect(maps.length).toBeGreaterThan(100);
    const hollow = maps.filter((f) => {
      const { sources, sourcesContent = [] } = json(join(folder, f));
      return sourcesContent.length !== sources.length;
    });
    expect(hollow).toEqual([]);
    expect(files("dist").filter((f) => f.includes(".tsbuildinfo") || f.includes(".test."))).toEqual([]);
  });
});
