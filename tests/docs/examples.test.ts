/**
 * The `@example` blocks of the library's comments, as a user of the package has them: strict TypeScript accepts them, and each
 * runs in a folder with photos and a run.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import ts from "typescript";
import { afterAll, beforeAll, expect, it } from "vitest";
import { drawProcedural } from "../../src/data/pixels/procedural-image.js";
import { train } from "../../src/index.js";
import { root } from "../cli/run.js";
import { type Example, examplesIn } from "./examples.js";

const tiny = { model: "deit", imageSize: 32, patchSize: 8, width: 32, depth: 1, heads: 2 };
const short = { epochs: 1, batchSize: 8, repeatedAugmentation: 1, warmupEpochs: 0 };

/** What makes a training of hours one of a moment. */
const shortened = (text: string): string =>
  text.replace(/epochs: \d+, output/, `settings: ${JSON.stringify({ ...tiny, ...short })}, engine: "onnx", output`);

let folder: string;
let examples: readonly Example[];
const fileOf = (i: number, extension: string) => join(folder, `example-${i}.${extension}`);

beforeAll(async () => {
  folder = await mkdtemp(join(await realpath(tmpdir()), "deit-examples-"));
  examples = examplesIn(join(root, "src")).map((one) => ({ ...one, text: shortened(one.text) }));
  await mkdir(join(folder, "node_modules"));
  await symlink(root, join(folder, "node_modules/deit"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  for (const [label, name] of ["cat", "dog"].entries()) {
    await mkdir(join(folder, "photos", name), { recursive: true });
    for (let i = 0; i < 12; i++) {
      const { width, height, data } = drawProcedural({ size: 32, seed: i, label });
      const png = sharp(data, { raw: { width, height, channels: 3 } }).png();
      await writeFile(join(folder, "photos", name, `${i}.png`), await png.toBuffer());
      if (i === 0) await writeFile(join(folder, `${name}.jpg`), await png.jpeg().toBuffer());
    }
  }
  const output = join(folder, "runs/photos");
  const run = await train(join(folder, "photos"), {
    recipe: { ...tiny, ...short },
    engine: "onnx",
    workers: 0,
    output,
  });
  await run.finished;
});
afterAll(() => rm(folder, { recursive: true }));

it("finds them", () => {
  const files = new Set(examples.map(({ path }) => relative(join(root, "src"), path)));
  expect(examples.length).toBeGreaterThan(25);
  for (const path of ["library/classifier.ts", "library/train.ts", "models/own-model.ts", "tensor/gradient.ts"])
    expect(files).toContain(path);
});

it("type-checks them as strict TypeScript", async () => {
  for (const [i, { text }] of examples.entries()) await writeFile(fileOf(i, "ts"), text);
  const program = ts.createProgram(
    examples.map((_, i) => fileOf(i, "ts")),
    {
      ...{ module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
      ...{ target: ts.ScriptTarget.ES2022, lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"] },
      ...{ strict: true, noEmit: true, skipLibCheck: true },
      ...{ types: ["node"], typeRoots: [join(root, "node_modules/@types")] },
    },
  );
  const faults = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    const place = /example-(\d+)\.ts$/.exec(file?.fileName ?? "")?.[1];
    const where = place === undefined ? file?.fileName : examples[Number(place)].where;
    return `${where}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
  expect(faults).toEqual([]);
}, 120_000);

it("runs them", async () => {
  for (const [i, { text }] of examples.entries()) {
    const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };
    await writeFile(fileOf(i, "js"), ts.transpileModule(text, { compilerOptions: options }).outputText);
  }
  const program = `
    const failed = [];
    for (const path of process.argv.slice(1))
      await import(path).catch((error) => failed.push({ path, error: String(error?.stack ?? error) }));
    console.error(JSON.stringify(failed));
    process.exit();`;
  // In two processes, one for each core.
  const all = examples.map((_, i) => fileOf(i, "js"));
  const halves = [0, 1].map((half) => all.filter((_, i) => i % 2 === half));
  const failed = await Promise.all(
    halves.map(async (paths) => {
      const options = { cwd: folder, maxBuffer: 1 << 26 };
      const { stderr } = await promisify(execFile)(
        process.execPath,
        ["--input-type=module", "-e", program, ...paths],
        options,
      );
      const found = JSON.parse(stderr.trim().split("\n").at(-1)!) as { path: string; error: string }[];
      return found.map(({ path, error }) => `${examples[all.indexOf(path)].where}: ${error}`);
    }),
  );
  expect(failed.flat()).toEqual([]);
}, 120_000);
