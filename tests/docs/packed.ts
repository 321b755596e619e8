/**
 * What a user gets: the package as `npm pack` makes it, in a `node_modules` with its dependencies, the optional peers among
 * them, and nothing else.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { root } from "../cli/run.js";

const run = promisify(execFile);
const shared = [
  "dist",
  "docs",
  "examples",
  "recipes",
  "bin",
  "package.json",
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
];

/** Changes with whatever is packed. */
async function stamp(): Promise<string> {
  const hash = createHash("sha256").update(root);
  for (const top of shared) {
    const path = join(root, top);
    const files = (await stat(path)).isDirectory() ? await readdir(path, { recursive: true }) : [""];
    for (const file of files.sort()) {
      const { size, mtimeMs } = await stat(join(path, file));
      hash.update(`${top}/${file} ${size} ${mtimeMs}\n`);
    }
  }
  return hash.digest("hex").slice(0, 16);
}

/**
 * The folder whose `node_modules/deit` is the packed package, with the libraries of this system only. It is made once for
 * each state of the checkout, since the library of the engine takes seconds to compress.
 */
export async function packed(): Promise<string> {
  const checkout = createHash("sha256").update(root).digest("hex").slice(0, 8);
  const before = `deit-packed-${checkout}-`;
  const name = before + (await stamp());
  const folder = join(tmpdir(), name);
  if (await stat(folder).catch(() => undefined)) return folder;
  const making = await mkdtemp(join(tmpdir(), "deit-packing-"));
  const modules = join(making, "node_modules");
  await mkdir(join(modules, "deit"), { recursive: true });
  const { stdout } = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", making], {
    cwd: root,
    maxBuffer: 1 << 26,
  });
  const [{ filename }] = Object.values(JSON.parse(stdout)) as { filename: string }[];
  await run("tar", ["xzf", join(making, filename), "--strip-components=1", "-C", join(modules, "deit")]);
  await rm(join(making, filename));
  const { dependencies, peerDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  for (const dependency of Object.keys({ ...dependencies, ...peerDependencies })) {
    await mkdir(dirname(join(modules, dependency)), { recursive: true });
    await symlink(join(root, "node_modules", dependency), join(modules, dependency));
  }
  await writeFile(join(making, "package.json"), JSON.stringify({ name: "a-users-project", private: true }));
  for (const old of await readdir(tmpdir()))
    if (old.startsWith(before) && old !== name) await rm(join(tmpdir(), old), { recursive: true, force: true });
  // Another test may have been faster.
  await rename(making, folder).catch(() => rm(making, { recursive: true }));
  return folder;
}
