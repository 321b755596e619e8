/** A package index in pip's simple form: which files a package has, from JSON (PEP 691) or HTML (PEP 503). */
import { DeitError, EngineError } from "../../../errors/errors.js";
import { sentence, setting } from "../../../errors/sentence.js";
import { request, shown, text } from "../../../system/net/http.js";
import { networkReason } from "../../../system/net/network-reason.js";
import { JsonError, parseJson as parseText } from "../../../system/text/json.js";
import type { PipConfig } from "./pip-config.js";

export interface IndexFile {
  readonly name: string;
  readonly url: URL;
  /** The hash according to the index; the authoritative one is pinned. */
  readonly sha256?: string;
  readonly size?: number;
}

const accept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/** All files of a package, from the first index that has it. */
export async function listFiles(project: string, config: PipConfig, signal?: AbortSignal): Promise<IndexFile[]> {
  const normal = project.toLowerCase().replaceAll(/[-_.]+/g, "-");
  const problems: string[] = [];
  for (const index of config.indexes) {
    const url = new URL(`${normal}/`, index);
    [url.username, url.password] = [index.username, index.password];
    try {
      const response = await request(url, { headers: { accept }, certificates: config.certificates, signal });
      if (response.statusCode === 200) {
        const body = await text(response);
        const json = (response.headers["content-type"] ?? "").includes("json");
        return json ? parseJson(body, url) : parseHtml(body, url);
      }
      response.destroy();
      problems.push(`${shown(url)} answered ${response.statusCode}`);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      problems.push(
        `${shown(url)} failed (${error instanceof DeitError ? error.message.replace(/\.$/, "") : networkReason(error)})`,
      );
    }
  }
  throw new EngineError(
    sentence`The package "${project}" cannot be found: ${problems.join("; ")}. Set PIP_INDEX_URL to an index that has it, or install from a wheel file with ${setting("wheel")}.`,
  );
}

function parseJson(body: string, base: URL): IndexFile[] {
  let listing: unknown;
  try {
    listing = parseText(body);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new EngineError(`${shown(base)} answered with JSON that cannot be read.`, { cause });
  }
  const files = (listing as { files?: unknown } | null)?.files;
  if (!Array.isArray(files)) throw new EngineError(`${shown(base)} answered with a listing without files.`);
  return files.flatMap((file: { filename?: unknown; url?: unknown; size?: unknown; hashes?: { sha256?: unknown } }) => {
    if (typeof file?.filename !== "string" || typeof file.url !== "string") return [];
    if (!URL.canParse(file.url, base.href)) return [];
    const sha256 = typeof file.hashes?.sha256 === "string" ? file.hashes.sha256 : undefined;
    const size = typeof file.size === "number" ? file.size : undefined;
    return withCredentials([{ name: file.filename, url: new URL(file.url, base), sha256, size }], base);
  });
}

/** A simple page consists of anchors: their `href` is the file, its fragment the hash. */
function parseHtml(body: string, base: URL): IndexFile[] {
  const files: IndexFile[] = [];
  for (const [, tag, label] of body.matchAll(/<a\b([^>]*)>([^<]*)<\/a>/gi)) {
    const href = /\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(tag);
    const address = unescapeHtml(href?.[1] ?? href?.[2] ?? "");
    if (!address || !URL.canParse(address, base.href)) continue;
    const url = new URL(address, base);
    const sha256 = /^#sha256=([0-9a-f]{64})/i.exec(url.hash)?.[1].toLowerCase();
    url.hash = "";
    files.push({ name: unescapeHtml(label.trim()), url, sha256 });
  }
  return withCredentials(files, base);
}

function withCredentials(files: readonly IndexFile[], base: URL): IndexFile[] {
  return files.map((file) => {
    const url = new URL(file.url);
    if (url.host === base.host && !url.username) [url.username, url.password] = [base.username, base.password];
    return { ...file, url };
  });
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#43": "+" };

function unescapeHtml(textual: string): string {
  return textual.replaceAll(/&(#?\w+);/g, (whole, name: string) => entities[name] ?? whole);
}
