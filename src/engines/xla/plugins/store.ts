/** The plugins on this machine: installing, listing, removing, and finding the one to use. */
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, isAbsolute, join, resolve, sep } from "node:path";
import { EngineError } from "../../../errors/errors.js";
import { fileError } from "../../../errors/file-error.js";
import { sentence, setting } from "../../../errors/sentence.js";
import { ZipFile } from "../../../formats/zip.js";
import { requireFreeSpace, writeFileAtomic } from "../../../system/files/atomic-file.js";
import { cacheFolder } from "../../../system/files/cache-folder.js";
import { readJson } from "../../../system/files/json-file.js";
import { waitForLock } from "../../../system/files/lock-file.js";
import type { ProcessIdentity } from "../../../system/files/process-identity.js";
import { download, verify } from "../../../system/net/download.js";
import {
  type PluginName,
  type PluginPlan,
  planPlugin,
  pluginDefinitions,
  type System,
  thisSystem,
} from "./catalogue.js";
import { listFiles } from "./package-index.js";
import { type PipConfig, pipConfig } from "./pip-config.js";
import { type PinnedPackage, pinnedPackages } from "./wheels.generated.js";

export interface InstallOptions {
  /** A wheel file or a folder with the wheels, instead of the package index. */
  readonly wheel?: string;
  /** Bytes of all wheels fetched so far and in total, and the current file. */
  readonly onProgress?: (done: number, total: number, file: string) => void;
  /** Called once if another process is working on the same plugin, with that process and its lock. */
  readonly onWaiting?: (owner: ProcessIdentity | undefined, lock: string) => void;
  readonly signal?: AbortSignal;
}

export interface InstalledPlugin {
  readonly name: string;
  readonly version: string;
  /** Absolute path of the shared library. */
  readonly library: string;
  /** Folder for the compiler option `xla_gpu_cuda_data_dir`. */
  readonly cudaData?: string;
  /** Bytes of the wheels it came from. */
  readonly downloadBytes: number;
}

export interface StoreOptions {
  readonly folder?: string;
  readonly pip?: PipConfig;
  readonly system?: System;
  readonly packages?: Readonly<Record<string, PinnedPackage>>;
  /** First pause after a lost connection, in milliseconds. */
  readonly pause?: number;
}

const manifestName = "deit-plugin.json";

export class PluginStore {
  readonly #folder: string;
  readonly #options: StoreOptions;

  constructor(options: StoreOptions = {}) {
    this.#options = options;
    this.#folder = options.folder ?? join(cacheFolder(), "plugins");
  }

  /**
   * Fetches, checks and unpacks a plugin; one that is already installed in this version is left as it is. The
   * installation is atomic: afterwards there is either the whole new plugin, or what was there before.
   */
  async install(name: PluginName, options: InstallOptions = {}): Promise<InstalledPlugin> {
    const { wheel, onProgress, signal } = options;
    const plan = planPlugin(name, this.#options.system ?? thisSystem(), this.#options.packages ?? pinnedPackages);
    await mkdir(this.#folder, { recursive: true }).catch((error) => {
      throw fileError(this.#folder, "create", error);
    });
    return this.#locked(name, options, async () => {
      const present = await this.#read(name);
      if (present && present.version === plan.version) return present;
      const wheels = wheel ? await this.#local(plan, wheel) : await this.#fetch(plan, onProgress, signal);
      return this.#unpack(plan, wheels, signal);
    });
  }

  /** Installed plugins by name. */
  async list(): Promise<InstalledPlugin[]> {
    const names = await readdir(this.#folder).catch(() => [] as string[]);
    const found = await Promise.all(names.filter((n) => !n.startsWith(".")).map((n) => this.#read(n)));
    return found.filter((p) => p !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Removes a plugin; false if it was not installed. Processes that have it loaded keep it until they end. */
  async remove(name: string): Promise<boolean> {
    const present = await this.#read(name);
    if (!present) return false;
    return this.#locked(name, {}, async () => {
      const gone = join(this.#folder, `.${name}.${process.pid}.gone`);
      await rename(join(this.#folder, name), gone);
      await rm(gone, { recursive: true, force: true });
      return true;
    });
  }

  /** A plugin by name, or the path of any PJRT plugin (anything with a slash or a library's ending). */
  async resolve(nameOrPath: string): Promise<InstalledPlugin> {
    if (isPath(nameOrPath)) {
      const library = resolve(nameOrPath);
      if (!(await stat(library).catch(() => undefined))?.isFile()) {
        throw new EngineError(`There is no PJRT plugin "${library}"; give the path of a shared library.`);
      }
      return { name: basename(library), version: "given by path", library, downloadBytes: 0 };
    }
    const found = await this.#read(nameOrPath);
    if (found) return found;
    if (nameOrPath in pluginDefinitions) {
      throw new EngineError(`The plugin "${nameOrPath}" is not installed; run "deit engine install ${nameOrPath}".`);
    }
    throw new EngineError(
      `There is no plugin "${nameOrPath}"; choose one of ${Object.keys(pluginDefinitions).join(", ")}, or give the path of a library.`,
    );
  }

  get #downloads(): string {
    return join(this.#folder, ".downloads");
  }

  async #read(name: string): Promise<InstalledPlugin | undefined> {
    const folder = join(this.#folder, name);
    try {
      const manifest = (await readJson(join(folder, manifestName))) as InstalledPlugin;
      const { version, library, cudaData, downloadBytes } = manifest;
      return {
        name,
        version,
        library: join(folder, library),
        cudaData: cudaData && join(folder, cudaData),
        downloadBytes,
      };
    } catch {
      return undefined;
    }
  }

  async #fetch(plan: PluginPlan, onProgress: InstallOptions["onProgress"], signal?: AbortSignal): Promise<string[]> {
    const pip = this.#options.pip ?? pipConfig();
    const folder = this.#downloads;
    await mkdir(folder, { recursive: true });
    const total = plan.wheels.reduce((sum, w) => sum + w.size, 0);
    // Unpacked libraries are up to four times as large, and the wheels briefly exist next to them.
    await requireFreeSpace(folder, total * 5, `the plugin "${plan.name}"`);
    const paths: string[] = [];
    let before = 0;
    for (const { file, size, sha256, project } of plan.wheels) {
      const target = join(folder, file);
      const kept = [target, ...pip.folders.map((f) => join(f, file))];
      const known = await firstFile(kept, size);
      if (known) await verify(known, { size, sha256 }, known, known === target);
      else {
        const entry = (await listFiles(project, pip, signal)).find((f) => f.name === file);
        if (!entry) {
          throw new EngineError(
            sentence`The package index has no file "${file}" of "${project}"; use an index that has it, or install from a wheel file with ${setting("wheel")}.`,
          );
        }
        await download(entry.url, target, {
          size,
          sha256,
          certificates: pip.certificates,
          signal,
          pause: this.#options.pause,
          onProgress: (done) => onProgress?.(before + done, total, file),
        });
      }
      before += size;
      onProgress?.(before, total, file);
      paths.push(known ?? target);
    }
    return paths;
  }

  async #local(plan: PluginPlan, wheel: string): Promise<string[]> {
    const isFolder = (
      await stat(wheel).catch((error) => {
        throw fileError(wheel, "read", error);
      })
    ).isDirectory();
    if (!isFolder && plan.wheels.length > 1) {
      throw new EngineError(
        `The plugin "${plan.name}" is made of ${plan.wheels.length} wheels; put them into one folder and give its path: ${plan.wheels.map((w) => w.file).join(", ")}.`,
      );
    }
    const paths: string[] = [];
    for (const pinned of plan.wheels) {
      const path = isFolder ? join(wheel, pinned.file) : wheel;
      if (!(await stat(path).catch(() => undefined))) {
        throw new EngineError(`The folder "${wheel}" lacks the wheel "${pinned.file}" of the plugin "${plan.name}".`);
      }
      await verify(path, pinned, `"${path}" (wanted: ${pinned.file})`, false);
      paths.push(path);
    }
    return paths;
  }

  async #unpack(plan: PluginPlan, wheels: readonly string[], signal?: AbortSignal): Promise<InstalledPlugin> {
    const target = join(this.#folder, plan.name);
    const temporary = join(this.#folder, `.${plan.name}.${process.pid}.new`);
    const old = join(this.#folder, `.${plan.name}.${process.pid}.old`);
    await this.#sweep(plan.name);
    await mkdir(temporary);
    try {
      for (const path of wheels) {
        const archive = await ZipFile.open(path, { totalBytes: 8 * 2 ** 30 });
        try {
          // Packages that share a folder both contain its __init__.py; Python files are not needed here.
          await archive.extract(temporary, (entry) => !/\.(py|pyi|pyc)$/.test(entry.name), signal);
        } finally {
          await archive.close();
        }
      }
      const { version, library, cudaData } = plan;
      if (!(await stat(join(temporary, library)).catch(() => undefined))) {
        throw new EngineError(
          `The wheels of "${plan.name}" hold no "${library}"; this version of deit cannot use them.`,
        );
      }
      const downloadBytes = plan.wheels.reduce((sum, w) => sum + w.size, 0);
      await writeFileAtomic(
        join(temporary, manifestName),
        JSON.stringify({ version, library, cudaData, downloadBytes }),
      );
      await rename(target, old).catch(() => undefined);
      await rename(temporary, target);
    } finally {
      await rm(temporary, { recursive: true, force: true });
      await rm(old, { recursive: true, force: true });
    }
    for (const { file } of plan.wheels) await rm(join(this.#downloads, file), { force: true });
    return (await this.#read(plan.name))!;
  }

  /** Removes leftovers of an installation that was killed. */
  async #sweep(name: string): Promise<void> {
    for (const entry of await readdir(this.#folder)) {
      const leftover = entry.startsWith(`.${name}.`) && /\.(new|old|gone)$/.test(entry);
      if (leftover) await rm(join(this.#folder, entry), { recursive: true, force: true });
    }
  }

  /** One process at a time. */
  async #locked<T>(name: string, { signal, onWaiting }: InstallOptions, work: () => Promise<T>): Promise<T> {
    const path = join(this.#folder, `.${name}.lock`);
    const lock = await waitForLock(path, { signal, onWaiting: (owner) => onWaiting?.(owner, path) });
    try {
      return await work();
    } finally {
      await lock.release();
    }
  }
}

/** Installs a plugin into the user's cache folder. */
export function installPlugin(name: PluginName, options?: InstallOptions): Promise<InstalledPlugin> {
  return new PluginStore().install(name, options);
}

export function listPlugins(): Promise<InstalledPlugin[]> {
  return new PluginStore().list();
}

export function removePlugin(name: string): Promise<boolean> {
  return new PluginStore().remove(name);
}

/** The plugin to use: by name or path, else the library that `DEIT_PJRT_PLUGIN` names, else the one for the CPU. */
export function resolvePlugin(nameOrPath?: string): Promise<InstalledPlugin> {
  return new PluginStore().resolve(nameOrPath ?? process.env.DEIT_PJRT_PLUGIN ?? "cpu");
}

function isPath(text: string): boolean {
  return isAbsolute(text) || text.includes("/") || text.includes(sep) || /\.(so|dylib|dll)$/.test(text);
}

async function firstFile(paths: readonly string[], size: number): Promise<string | undefined> {
  for (const path of paths) if ((await stat(path).catch(() => undefined))?.size === size) return path;
  return undefined;
}
