/** A stand-in for the hub, on this machine. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

const fixtures = new URL("../fixtures/data/parquet/data/", import.meta.url).pathname;
export const commits = { main: "a".repeat(40), "refs/convert/parquet": "b".repeat(40) };
export const files = [
  "train-00000-of-00002.parquet",
  "train-00001-of-00002.parquet",
  "validation-00000-of-00001.parquet",
];

/** A stand-in for the hub with the dataset me/birds, whose Parquet files are on one of its branches. */
export class LocalHub {
  branch: keyof typeof commits = "main";
  readonly served: string[] = [];
  server!: Server;

  async start(): Promise<string> {
    this.server = createServer(async (request, response) => {
      const url = decodeURIComponent(request.url ?? "");
      const json = (value: unknown) =>
        response.setHeader("content-type", "application/json").end(JSON.stringify(value));
      const folder = this.branch === "main" ? "data" : "default";
      const described = async (name: string) => {
        const content = await readFile(fixtures + name);
        const oid = createHash("sha256").update(content).digest("hex");
        const path = `${folder}/${name}`;
        return {
          type: "file",
          path,
          size: content.length,
          oid: "x",
          lfs: { oid, size: content.length, pointerSize: 134 },
        };
      };
      const revision = /^\/api\/datasets\/me\/birds\/revision\/([^?]+)/.exec(url)?.[1];
      if (revision !== undefined) {
        const sha = revision in commits ? commits[revision as keyof typeof commits] : revision;
        json({ _id: "1", id: "me/birds", sha, lastModified: "2024-01-01T00:00:00.000Z" });
      } else if (url.startsWith("/api/datasets/me/birds/tree/")) {
        const here = url.includes(commits[this.branch]);
        json([
          { type: "file", path: "README.md", size: 3, oid: "y" },
          ...(here ? await Promise.all(files.map(described)) : []),
        ]);
      } else if (url.startsWith("/api/datasets/me/birds/paths-info/")) json(await Promise.all(files.map(described)));
      else if (url.startsWith("/datasets/me/birds/resolve/")) {
        this.served.push(url);
        const content = await readFile(fixtures + url.split("/").at(-1));
        response.setHeader("content-length", content.length).end(content);
      } else response.writeHead(404).end("{}");
    });
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
