// What users get: packs the package, asks publint and "are the types wrong" about it, installs it in an empty project of
// strict TypeScript, compiles and runs the programs of docs/library.md there, and prints sizes.
//   npm run package:check [-- --as-built]
// --as-built packs dist/ and vendor/ as they are, with ONNX Runtime for this system alone.
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
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

/** Images of two classes, so small that a run takes a moment: portable pixmaps, dark and bright. */
function writePhotos(folder) {
  for (const [label, value] of Object.entries({ dark: 40, bright: 200 })) {
    mkdirSync(join(folder, label), { recursive: true });
    for (let i = 0; i < 12; i++) {
      const pixels = Buffer.from({ length: 16 * 16 * 3 }, (_, at) => value + ((7 * at + 13 * i) % 32));
      writeFileSync(join(folder, label, `${i}.ppm`), Buffer.concat([Buffer.from("P6 16 16 255\n"), pixels]));
    }
  }
  copyFileSync(join(folder, "dark", "0.ppm"), join(folder, "..", "cat.jpg"));
}

/**
 * The programs of docs/library.md by what they are for, as they stand there but for their size: a pass over the images, by a
 * model of moments, on the engine that is always there.
 */
function programs() {
  const text = readFileSync(join(root, "docs/library.md"), "utf8");
  const found = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code);
  const names = ["predict", "train", "distil", "own"];
  if (found.length !== names.length) throw new Error(`docs/library.md shows ${found.length} programs, not ${names}.`);
  const small = `recipe: { model: "deit", imageSize: 32, patchSize: 8, width: 32, depth: 1, heads: 2, batchSize: 8, repeatedAugmentation: 1 }`;
  const tiny = `recipe: { batchSize: 8, repeatedAugmentation: 1 }`;
  const changes = {
    predict: [],
    train: [[/epochs: 20, output: "runs.library"/, `${small}, engine: "onnx", epochs: 1, output: "runs/photos"`]],
    distil: [[/epochs: 5/, `${small}, settings: { width: 48, heads: 3 }, engine: "onnx", epochs: 1`]],
    own: [[/epochs: 5/, `${tiny}, engine: "onnx", epochs: 1`]],
  };
  return names.map((name, i) => {
    let program = found[i];
    for (const [from, to] of changes[name]) {
      if (!from.test(program)) throw new Error(`The program "${name}" of docs/library.md lacks ${from}.`);
      program = program.replace(from, to);
    }
    return [name, program];
  });
}

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
  writePhotos(join(project, "photos"));
  const shown = programs();
  for (const [name, text] of shown) writeFileSync(join(project, `${name}.ts`), text);
  bin(root, "tsc");
  // Predicting and distilling want the run that training leaves.
  const order = ["train", "predict", "distil", "own"];
  for (const name of order) run(process.execPath, [`${name}.js`], project);
  run(process.execPath, ["-e", 'require("assert").equal(typeof require("deit").train, "function")'], project);
  bin(project, "deit", "--version");
  console.log(`package: ${mb(packed)} to download, ${mb(unpacked)} in ${files} files; with all it needs: ${mb(tree)}`);
} finally {
  rmSync(project, { recursive: true, force: true });
}
