/** Who may use the server. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { Problem } from "./problem.js";

/** Equal lengths, so that the comparison takes the same time whatever was sent. */
const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/**
 * Lets only requests with the token pass: `Authorization: Bearer TOKEN`, or, for browsers, which ask their user for it,
 * as the password of HTTP's basic authentication. `open` are paths that need none.
 */
export function requireToken(token: string, open: readonly string[]): MiddlewareHandler {
  const expected = digest(token);
  return async (context, next) => {
    const given = tokenOf(context.req.header("authorization") ?? "");
    if (!open.includes(context.req.path) && (given === undefined || !timingSafeEqual(digest(given), expected)))
      throw new Problem(
        401,
        given === undefined
          ? 'This server needs a token; send the header "Authorization: Bearer TOKEN".'
          : "The token is wrong; ask whoever runs this server for the right one.",
        { "WWW-Authenticate": 'Basic realm="deit", charset="UTF-8", Bearer realm="deit"' },
      );
    await next();
  };
}

function tokenOf(header: string): string | undefined {
  const [, scheme, credentials] = /^(bearer|basic) +(\S+)$/i.exec(header) ?? [];
  if (scheme === undefined) return undefined;
  if (scheme.toLowerCase() === "bearer") return credentials;
  return /^[^:]*:(.*)$/s.exec(Buffer.from(credentials, "base64").toString("utf8"))?.[1];
}

const loopback = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i;

/** Whether only this machine can reach the address. */
export const isLoopback = (host: string): boolean => loopback.test(host.includes(":") ? `[${host}]` : host);

/**
 * For a server that only this machine can reach, and without a token: refuses requests for any other name. Otherwise a
 * web page that resolves its own name to 127.0.0.1 could read all that is served here (DNS rebinding).
 */
export const requireLocalName: MiddlewareHandler = async (context, next) => {
  const host = context.req.header("host") ?? new URL(context.req.url).host;
  if (!loopback.test(host))
    throw new Problem(
      403,
      `This server answers only requests for localhost, not for ${JSON.stringify(host.slice(0, 100))}; use http://127.0.0.1, or give the server a token.`,
    );
  await next();
};
