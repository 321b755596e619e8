/** The folder for data that can be fetched or generated again: plugins, weights, compiled programs, decoded records. */
import { homedir } from "node:os";
import { join } from "node:path";

/** `DEIT_CACHE`, else `deit` in the system's folder for caches (`XDG_CACHE_HOME` or `~/.cache` on Linux). */
export function cacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env.DEIT_CACHE) return env.DEIT_CACHE;
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, "deit");
  if (platform === "win32") return join(env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "deit", "Cache");
  if (platform === "darwin") return join(homedir(), "Library", "Caches", "deit");
  return join(homedir(), ".cache", "deit");
}
