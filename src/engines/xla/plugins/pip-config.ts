/** Where pip would look for packages: its environment variables and configuration files. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export interface PipConfig {
  /** The index, then further ones to try if it lacks a package. */
  readonly indexes: readonly URL[];
  /** Folders and URLs of `find-links`; only folders are used here. */
  readonly folders: readonly string[];
  readonly certificates?: string;
}

/** pip's own default. */
const defaultIndex = "https://pypi.org/simple/";

/** Reads the settings in pip's order: system files, the user's, the virtual environment's, `PIP_CONFIG_FILE`, variables. */
export function pipConfig(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): PipConfig {
  const settings = new Map<string, string>();
  const environment = env.PIP_CONFIG_FILE;
  if (environment !== "/dev/null") {
    for (const path of configFiles(env, platform)) for (const [key, value] of readIni(path)) settings.set(key, value);
  }
  const setting = (key: string) => env[`PIP_${key.toUpperCase().replaceAll("-", "_")}`] || settings.get(key);
  const list = (key: string) => (setting(key) ?? "").split(/\s+/).filter(Boolean);
  return {
    indexes: [setting("index-url") ?? defaultIndex, ...list("extra-index-url")].map(asFolderUrl),
    folders: list("find-links").filter((link) => !/^\w+:\/\//.test(link)),
    certificates: setting("cert"),
  };
}

function configFiles(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string[] {
  const home = env.HOME ?? homedir();
  const name = platform === "win32" ? "pip.ini" : "pip.conf";
  const system =
    platform === "win32"
      ? [join(env.ProgramData ?? "C:\\ProgramData", "pip", name)]
      : platform === "darwin"
        ? [join("/Library/Application Support/pip", name)]
        : [
            ...(env.XDG_CONFIG_DIRS ?? "/etc/xdg").split(":").map((folder) => join(folder, "pip", name)),
            join("/etc", name),
          ];
  const user =
    platform === "win32"
      ? [join(home, "pip", name), join(env.APPDATA ?? home, "pip", name)]
      : [
          join(home, ".pip", name),
          ...(platform === "darwin" ? [join(home, "Library/Application Support/pip", name)] : []),
          join(env.XDG_CONFIG_HOME ?? join(home, ".config"), "pip", name),
        ];
  const site = env.VIRTUAL_ENV ? [join(env.VIRTUAL_ENV, name)] : [];
  return [...system, ...user, ...site, ...(env.PIP_CONFIG_FILE ? [env.PIP_CONFIG_FILE] : [])];
}

/** Keys of the sections that pip reads for a download; none for a missing file. */
function readIni(path: string): Map<string, string> {
  const values = new Map<string, string>();
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch {
    return values;
  }
  let section = "";
  let key = "";
  for (const line of content.split(/\r?\n/)) {
    const header = /^\[([^\]]+)\]\s*$/.exec(line);
    const pair = /^([\w-]+)\s*[=:]\s*(.*)$/.exec(line);
    if (header) [section, key] = [header[1], ""];
    else if (/^\s*[#;]/.test(line)) continue;
    else if (/^\s+\S/.test(line) && key) values.set(key, `${values.get(key) ?? ""} ${line.trim()}`.trim());
    else if (pair && ["global", "install", "download"].includes(section)) {
      key = pair[1].toLowerCase().replaceAll("_", "-");
      values.set(key, pair[2].trim());
    }
  }
  return values;
}

function asFolderUrl(address: string): URL {
  return new URL(address.endsWith("/") ? address : `${address}/`);
}
