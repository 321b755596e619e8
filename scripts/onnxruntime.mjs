// Copies ONNX Runtime's CPU library and its binding from the package `onnxruntime-node` to vendor/onnxruntime, from where
// deit loads it: for this system by the build, and for every system (--all) when deit is packed. So whoever installs deit
// needs no install script, which onnxruntime-node has to fetch CUDA libraries (docs/dependencies.md).
import { cp, link, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "node_modules/onnxruntime-node");
const target = join(root, "vendor/onnxruntime");
const all = process.argv.includes("--all");

/** What only DirectML and WebGPU load, and a second copy that only its file name tells from the first. */
const unused = /^(DirectML|dxcompiler|dxil)\.dll$|^libonnxruntime\.\d+\.\d+\.\d+\.dylib$/;

const read = async (path) => JSON.parse(await readFile(path, "utf8"));
const { name, version, license } = await read(join(source, "package.json"));
const made = await read(join(target, "package.json")).catch(() => undefined);
if (made?.version !== version) await rm(target, { recursive: true, force: true });

/** A hard link where the file system has them: the files are large and never written. */
async function place(from, to) {
  const { size } = await stat(from);
  if ((await stat(to).catch(() => undefined))?.size === size) return;
  await mkdir(dirname(to), { recursive: true });
  await rm(to, { force: true });
  await link(from, to).catch(() => cp(from, to));
}

for (const file of await readdir(join(source, "dist")))
  if (/\.(js|d\.ts)$/.test(file)) await place(join(source, "dist", file), join(target, "dist", file));
const binaries = "bin/napi-v6";
for (const platform of await readdir(join(source, binaries)))
  for (const arch of await readdir(join(source, binaries, platform))) {
    if (!all && (platform !== process.platform || arch !== process.arch)) continue;
    const folder = join(binaries, platform, arch);
    for (const file of await readdir(join(source, folder)))
      if (!unused.test(file)) await place(join(source, folder, file), join(target, folder, file));
  }

await writeFile(
  join(target, "LICENSE"),
  `ONNX Runtime ${version}, https://github.com/microsoft/onnxruntime (what it contains of others: ThirdPartyNotices.txt there)

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`,
);
// Last: it says that all else is there.
await writeFile(
  join(target, "package.json"),
  `${JSON.stringify({ name, version, license, type: "commonjs" }, null, 2)}\n`,
);
