/** The socket: listens, gives up slow senders, and closes once everything in flight is answered. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { UsageError } from "../errors/errors.js";
import { sentence, setting, way } from "../errors/sentence.js";

export interface Listening {
  readonly url: string;
  /** Stops accepting connections and resolves when those in use have ended. */
  close(): Promise<void>;
}

/** Milliseconds in which a client must have sent the head of its request, and all of it. */
const [headersTimeout, requestTimeout] = [10_000, 30_000];

export async function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Listening> {
  const server = createServer(
    { headersTimeout, requestTimeout, connectionsCheckingInterval: 1000, keepAliveTimeout: 5000 },
    getRequestListener(fetch, { overrideGlobalObjects: false }),
  );
  await listening(server, host, port);
  const { port: used } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${used}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
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
