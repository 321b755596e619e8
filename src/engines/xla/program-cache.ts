/** Compiled programs on disk, so that a program is compiled once per machine, plugin and set of options. */
import { createHash } from "node:crypto";
import { mkdir, readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../system/files/atomic-file.js";
import { readWhole } from "../../system/files/regular-file.js";

const hashBytes = 32;
const ending = ".xla";

export class ProgramCache {
  /** `maxBytes`: when the folder grows larger, the least recently used entries are removed. */
  constructor(
    private readonly folder: string,
    private readonly maxBytes = 2 * 2 ** 30,
  ) {}

  /** The bytes stored under `key`; undefined if there are none or they are corrupt. */
  async get(key: string): Promise<Uint8Array | undefined> {
    const path = this.#path(key);
    const content = await readWhole(path, this.maxBytes).catch(() => undefined);
    if (!content || content.length <= hashBytes) return undefined;
    const bytes = content.subarray(hashBytes);
    // A plugin loads machine code from this unchecked, so it must be exactly what was written.
    if (!createHash("sha256").update(bytes).digest().equals(content.subarray(0, hashBytes))) {
      await rm(path, { force: true });
      return undefined;
    }
    const now = new Date();
    await utimes(path, now, now).catch(() => undefined);
    return bytes;
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await writeFileAtomic(this.#path(key), [createHash("sha256").update(bytes).digest(), bytes]);
    await this.#prune();
  }

  async remove(key: string): Promise<void> {
    await rm(this.#path(key), { force: true });
  }

  #path(key: string): string {
    return join(this.folder, `${key}${ending}`);
  }

  async #prune(): Promise<void> {
    const names = (await readdir(this.folder)).filter((n) => n.endsWith(ending));
    const files = await Promise.all(
      names.map(async (name) => ({ name, info: await stat(join(this.folder, name)).catch(() => undefined) })),
    );
    const present = files.flatMap(({ name, info }) => (info ? [{ name, size: info.size, used: info.mtimeMs }] : []));
    let total = present.reduce((sum, f) => sum + f.size, 0);
    for (const { name, size } of present.sort((a, b) => a.used - b.used)) {
      if (total <= this.maxBytes) break;
      await rm(join(this.folder, name), { force: true });
      total -= size;
    }
  }
}
