// Copies libwebp's decoder in WebAssembly from the package `icodec` to vendor/webp, from where deit loads it: 340 of the 23,000 kB
// of that package, which holds encoders and decoders of many formats.
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "node_modules/icodec");
const target = join(root, "vendor/webp");

const read = async (...path) => JSON.parse(await readFile(join(...path), "utf8"));
const { name, version } = await read(source, "package.json");
const libwebp = (await read(source, "versions.json")).find((library) => library.name === "libwebp").version;

await mkdir(target, { recursive: true });
for (const file of ["webp-dec.js", "webp-dec.wasm"]) await cp(join(source, "dist", file), join(target, file));
await writeFile(
  join(target, "LICENSE"),
  `The decoder of libwebp ${libwebp} as compiled for ${name} ${version}, https://github.com/Kaciras/icodec

icodec, MIT License

${(await readFile(join(source, "LICENSE"), "utf8")).trim()}

libwebp, https://chromium.googlesource.com/webm/libwebp, BSD 3-Clause License

Copyright (c) 2010, Google Inc. All rights reserved.

Redistribution and use in source and binary forms, with or without modification, are permitted provided that the following
conditions are met:

  * Redistributions of source code must retain the above copyright notice, this list of conditions and the following
    disclaimer.

  * Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following
    disclaimer in the documentation and/or other materials provided with the distribution.

  * Neither the name of Google nor the names of its contributors may be used to endorse or promote products derived from this
    software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT
NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL
THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES
(INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS
INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE
OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
`,
);
// What the decoder's own module lacks: that it is one, and its type.
await writeFile(join(target, "package.json"), `${JSON.stringify({ name, version, type: "module" }, null, 2)}\n`);
await writeFile(
  join(target, "webp-dec.d.ts"),
  `export interface WebpDecoder {
  /** What the global function \`_icodec_ImageData\` makes of a picture's RGBA values; null if it cannot be decoded. */
  decode(file: Uint8Array): unknown;
}
declare function load(options: {
  instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void): object;
}): Promise<WebpDecoder>;
export default load;
`,
);
