// What users get: packs the package, asks publint and "are the types wrong" about it, installs it in an empty project of
// strict TypeScript, compiles and runs program.ts there, and prints sizes.
//   npm run package:check [-- --as-built]
// --as-built packs dist/ and vendor/ as they are, with ONNX Runtime for this system alone.
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const project = mkdtempSync(join(tmpdir(), "deit-package-"));

function run(command, args, cwd = root) {
  console.log(`$ ${[basename(command), ...args].join(" ").replaceAll(project, "PROJECT")}`);
  execFileSync(command, args, { cwd, stdio: "inherit" });
}
const bin = (folder, name, ...args) => run(join(folder, "node_modules/.bin", name), args, project);
/** Bytes and number of the files below a folder. */
function size(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return [files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0), files.length];
}
const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

try {
  const asBuilt = process.argv.includes("--as-built") ? ["--ignore-scripts"] : [];
  run("npm", ["pack", "--silent", ...asBuilt, "--pack-destination", project]);
  const tarball = join(
    project,
    readdirSync(project).find((name) => name.endsWith(".tgz")),
  );
  bin(root, "publint", tarball, "--strict");
  // Node from 20.19 on, which deit needs, requires ESM; resolution of node10 knows no `exports`, so no subpaths.
  const types = ["--profile", "node16", "--ignore-rules", "cjs-resolves-to-esm"];
  bin(root, "attw", tarball, ...types);

  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  run("npm", ["install", "--silent", "--ignore-scripts", "--prefer-offline", "--no-audit", tarball], project);
  const [packed, [unpacked, files], [tree]] = [
    statSync(tarball).size,
    size(join(project, "node_modules/deit")),
    size(join(project, "node_modules")),
  ];
  mkdirSync(join(project, "node_modules/@types"), { recursive: true });
  for (const name of ["typescript", "@types/node"])
    symlinkSync(join(root, "node_modules", name), join(project, "node_modules", name));
  const strict = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
  };
  const compilerOptions = { ...strict, target: "es2022", module: "nodenext", types: ["node"] };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  copyFileSync(join(here, "program.ts"), join(project, "program.ts"));
  bin(root, "tsc");
  run(process.execPath, ["program.js"], project);
  run(process.execPath, ["-e", 'require("assert").equal(typeof require("deit").train, "function")'], project);
  bin(project, "deit", "--version");
  console.log(`package: ${mb(packed)} to download, ${mb(unpacked)} in ${files} files; with all it needs: ${mb(tree)}`);
} finally {
  rmSync(project, { recursive: true, force: true });
}
