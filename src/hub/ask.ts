/** Requests of the hub's client: responses are limited in time, bytes and number, and come only from the hub. */
import type { IncomingHttpHeaders } from "node:http";
import { DownloadError, UsageError } from "../errors/errors.js";
import { request, text } from "../system/net/http.js";
import { BadStatus } from "../system/net/network-reason.js";
import { JsonError, parseJson } from "../system/text/json.js";

/** Limits of a response's bytes and of the pages of a listing, which have a thousand files each. */
const most = { answer: 32 * 2 ** 20, pages: 2000 } as const;

/**
 * A `fetch` for one call of the hub's client. Throws DownloadError for responses that are not a hub's; without a
 * response, throws errors that `networkReason` knows.
 */
export function askHub(endpoint: string, signal?: AbortSignal): typeof fetch {
  const asked = new Set<string>();
  const notAHub = () =>
    new DownloadError(`${endpoint} did not return a valid Hugging Face response; check HF_ENDPOINT.`);
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const { method, body } = init;
    // A listing links to its next page.
    if (url.origin !== new URL(endpoint).origin) throw notAHub();
    if (asked.has(url.href) || asked.size >= most.pages)
      throw new DownloadError(`The listing at ${endpoint} never ends; check HF_ENDPOINT.`);
    asked.add(url.href);
    const response = await request(url, {
      method: method === "POST" ? "POST" : "GET",
      headers: { ...Object.fromEntries(new Headers(init.headers)), "accept-encoding": "identity" },
      body: typeof body === "string" ? body : undefined,
      signal,
    });
    const { statusCode: status = 0, headers } = response;
    if (status === 429 || status >= 500) {
      response.destroy();
      throw new BadStatus(status);
    }
    if (status < 200 || status >= 300) {
      response.destroy();
      return new Response(null, { status: Math.max(status, 400) });
    }
    const content = await text(response, most.answer);
    try {
      parseJson(content, { items: 2_000_000 });
    } catch (error) {
      if (error instanceof JsonError) throw notAHub();
      throw error;
    }
    return new Response(content, { status: 200, headers: headersOf(headers) });
  };
}

function headersOf({ link, "content-type": type }: IncomingHttpHeaders): Record<string, string> {
  return { ...(typeof link === "string" ? { link } : {}), ...(type === undefined ? {} : { "content-type": type }) };
}

/** The address of the hub given by HF_ENDPOINT. */
export function checkedEndpoint(endpoint: string): string {
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol))
    throw new UsageError(
      `HF_ENDPOINT is not a valid address; it must begin with https://, such as https://huggingface.co.`,
    );
  return endpoint;
}

/** Checks the form of a hub's token; the client's own error is not helpful, and whitespace would break the request. */
export function checkedToken(token: string): string {
  if (!/^hf_[\w.~+/=-]{1,4096}$/.test(token))
    throw new UsageError(
      "HF_TOKEN is not a valid hub token: a token begins with hf_ and contains no spaces or line breaks; set it to one of yours, or unset it.",
    );
  return token;
}
