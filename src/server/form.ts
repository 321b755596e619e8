/** The forms in which an image may be sent: its bytes, a multipart form, or JSON with base64. */

import { asObject, JsonError, parseJson } from "../system/text/json.js";
import type { SentImage } from "./decoding.js";
import { Problem } from "./problem.js";
import { requireOnce } from "./schemas.js";

/** What a body contains. */
export interface SentForm {
  readonly image: SentImage;
  /** Options beside the image. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Parts of a multipart form; each costs far more than its bytes. */
const mostParts = 32;

/** Any content type but JSON and multipart means the bytes of an image file, whose format its first bytes tell. */
export async function parseForm(bytes: Uint8Array, contentType: string): Promise<SentForm> {
  const type = contentType.split(";")[0].trim().toLowerCase();
  if (type === "application/json" || type.endsWith("+json")) return ofJson(bytes.slice());
  if (type === "multipart/form-data") return ofMultipart(bytes.slice(), contentType);
  return { image: { bytes, name: "the image" }, fields: {} };
}

function ofJson(bytes: Uint8Array): SentForm {
  const { image, ...fields } = asObject(parsed(bytes)) ?? {};
  if (typeof image !== "string")
    throw new Problem(400, 'The JSON body has no text "image"; send { "image": "…" } with an image file in base64.');
  const base64 = image.replace(/^data:[^,]{0,200};base64,/, "");
  const decoded = Buffer.from(base64, "base64");
  // The decoder skips what is no base64.
  if (decoded.length === 0 || !/^[\w+/-]*={0,2}$/.test(base64))
    throw new Problem(400, '"image" is not base64; encode the bytes of an image file, without line breaks.');
  return { image: { bytes: new Uint8Array(decoded), name: "the image" }, fields };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes), { depth: 8, items: 1000 });
  } catch (error) {
    const what = error instanceof JsonError ? error.message : "is not UTF-8";
    throw new Problem(400, `The body ${what}; send { "image": "…" } with an image file in base64.`);
  }
}

async function ofMultipart(bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<SentForm> {
  const boundary = /;\s*boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) throw new Problem(400, "The multipart form states no boundary; let your client set it.");
  if (countUpTo(bytes, `--${boundary}`, mostParts + 2) > mostParts + 1)
    throw new Problem(400, `The multipart form has more than ${mostParts} parts; send one image.`);
  const form = await new Response(bytes, { headers: { "Content-Type": contentType } }).formData().catch(() => {
    throw new Problem(400, "The multipart form is malformed or cut short; let your client create it.");
  });
  const files = [...form].filter(([, value]) => typeof value !== "string");
  if (files.length !== 1)
    throw new Problem(400, `The multipart form has ${files.length} files; send one image, as a file named "image".`);
  const file = files[0][1] as File;
  const texts = [...form].filter(([, value]) => typeof value === "string");
  requireOnce(texts.map(([name]) => name));
  const fields = Object.fromEntries(texts);
  return { image: { bytes: new Uint8Array(await file.arrayBuffer()), name: file.name || "the image" }, fields };
}

function countUpTo(bytes: Uint8Array, text: string, most: number): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let count = 0;
  for (let at = buffer.indexOf(text); at >= 0 && count < most; at = buffer.indexOf(text, at + text.length)) count++;
  return count;
}
