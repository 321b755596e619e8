/** The socket: listens, gives up slow senders, and closes once everything in flight is answered. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { UsageError } from "../errors/errors.js";
import { sentence, setting, way } from "../errors/sentence.js";

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** Milliseconds in which a client must have sent its request. */
  readonly requestTimeout: number;
}

export interface Listening {
  readonly url: string;
  /** Stops accepting connections and resolves when those in use have ended. */
  close(): Promise<void>;
}

/** Milliseconds in which a client must have sent the head of its request. */
const headersTimeout = 10_000;
/** Milliseconds for what is in flight when the server stops; then its connections are cut. */
const grace = 10_000;
/** Milliseconds in which connections are still accepted when the server stops. */
const mostAccepting = 1000;
/** Connections at the same time; further ones are closed at once. */
const mostConnections = 2048;

export async function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  { host, port, requestTimeout }: ListenOptions,
): Promise<Listening> {
  // Clients of HTTP/1.0, such as the checks of a proxy, need not name a host.
  const answer = getRequestListener(fetch, {
    ...{ overrideGlobalObjects: false, hostname: "localhost" },
    errorHandler: () => Response.json({ error: oddAddress }, { status: 400 }),
  });
  const server = createServer(
    {
      ...{ requestTimeout, headersTimeout: Math.min(headersTimeout, requestTimeout) },
      ...{ connectionsCheckingInterval: 1000, keepAliveTimeout: 5000, requireHostHeader: false },
    },
    (request, response) => {
      if (request.headers.host === undefined && request.httpVersion !== "1.0") refuseWith(response, 400, oddAddress);
      else void answer(request, response);
    },
  );
  server.on("checkExpectation", (_, response: ServerResponse) =>
    refuseWith(response, 417, "The server expects nothing but 100-continue; leave out the header Expect."),
  );
  server.maxConnections = mostConnections;
  server.on("clientError", refuse);
  await listening(server, host, port);
  const { port: used } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${used}`,
    close: async () => {
      await allAccepted(server);
      await new Promise<void>((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), grace);
        // Connections that were in use when the server stopped are kept alive by clients that do not know of it.
        const idle = setInterval(() => server.closeIdleConnections(), 50);
        server.close(() => {
          clearTimeout(cut);
          clearInterval(idle);
          resolve();
        });
        server.closeIdleConnections();
      });
    },
  };
}

/**
 * Waits until the connections that have arrived are accepted, one in each turn of the event loop: those still in the
 * system's queue are reset when the server stops. New ones do not keep it from stopping.
 */
async function allAccepted(server: Server): Promise<void> {
  let accepted = 0;
  const count = () => accepted++;
  server.on("connection", count);
  const end = performance.now() + mostAccepting;
  for (let before = -1; before < accepted && performance.now() < end; ) {
    before = accepted;
    for (let turn = 0; turn < 2; turn++) await setImmediate();
  }
  server.off("connection", count);
}

/** Of what Node's parser accepts, but no Request can be made of. */
const oddAddress = "The host or the address of the request is missing or malformed; check the client.";

function refuseWith(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { "Content-Type": "application/json", Connection: "close" });
  response.end(JSON.stringify({ error }));
}

/** Answers what is no request, or was sent too slowly, before the application sees it. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const [status, sentence] =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? ["408 Request Timeout", "The request was not complete in time; send it faster."]
      : error.code === "HPE_HEADER_OVERFLOW"
        ? [
            "431 Request Header Fields Too Large",
            "The head of the request is too large; send fewer or shorter headers.",
          ]
        : ["400 Bad Request", "This is not a request in HTTP/1.1; check the address and the client."];
  const body = JSON.stringify({ error: sentence });
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(notAvailable(error, host, port)));
    server.listen(port, host, () => resolve());
  });
}

function notAvailable(error: NodeJS.ErrnoException, host: string, port: number): UsageError {
  const otherPort = way`; choose another with ${setting("port")}`;
  switch (error.code) {
    case "EADDRINUSE":
      return new UsageError(sentence`Another program listens on port ${port} of "${host}"${otherPort}.`);
    case "EACCES":
      return new UsageError(sentence`Only privileged users may listen on port ${port}${otherPort}, such as 8000.`);
    default:
      return new UsageError(
        sentence`"${host}" is not an address of this machine (${error.code ?? error.message})${way`; choose another with ${setting("host")}, such as 127.0.0.1 or 0.0.0.0`}.`,
      );
  }
}
