/** The files of this package: its compiled workers, recipes and libraries. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { EngineError } from "../../errors/errors.js";
import { parseJson } from "../text/json.js";

/** Name of this package, under which a bundle finds it. */
const packageName = "deit";

const manifest = (root: URL) => {
  const url = new URL("package.json", root);
  return existsSync(url) ? (parseJson(readFileSync(url, "utf8")) as { readonly name?: string }) : undefined;
};

/**
 * The package's folder, as a URL that ends with "/". If this module is part of a bundle, which does not include those
 * files, the installed package is resolved from the bundle's location.
 */
export function packageRoot(): URL {
  const own = new URL("../../../", import.meta.url);
  if (manifest(own)?.name === packageName) return own;
  try {
    return new URL("./", pathToFileURL(createRequire(import.meta.url).resolve(`${packageName}/package.json`)));
  } catch {
    throw new EngineError(
      `This bundle of "${packageName}" cannot find the package "${packageName}" beside it, whose worker threads and libraries it needs; install the package where the bundle runs, or leave it out of the bundle.`,
    );
  }
}

/** The contents of one of the package's files. */
export const packagedFile = (path: string): Uint8Array<ArrayBuffer> => readFileSync(new URL(path, packageRoot()));
