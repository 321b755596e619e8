/** The protocol of ranks and their coordinator: JSON, one value per line, over TCP, after a proof of the token. */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Socket } from "node:net";
import { z } from "zod";
import { parseJson } from "../system/text/json.js";

/** Maximum bytes from a connection before it has proved the token, and of a member's line. */
export const lineLimits = { stranger: 4096, member: 64 * 2 ** 20 } as const;

export const hello = z.strictObject({
  rank: z.number().int().min(0),
  ranks: z.number().int().min(1),
  host: z.string().max(256),
  nonce: z.string().max(128),
  proof: z.string().max(128),
});

const id = z.number().int().min(0);
const key = z.string().max(4096);
export const request = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("put"), id, key, value: z.base64() }),
  z.strictObject({ kind: z.literal("get"), id, key, timeoutMs: z.number().min(0) }),
  z.strictObject({ kind: z.literal("gather"), id, name: key, value: z.json() }),
  z.strictObject({ kind: z.literal("ping") }),
  z.strictObject({ kind: z.literal("leave") }),
  /** The rank has failed, and the job ends with it. */
  z.strictObject({ kind: z.literal("fail"), reason: z.string().max(4096) }),
]);
export type Request = z.infer<typeof request>;

export const challenge = z.strictObject({ challenge: z.string().max(128) });
export const welcome = z.union([
  z.strictObject({ proof: z.string().max(128), pingMs: z.number().min(1) }),
  z.strictObject({ refused: z.string() }),
]);

export const answer = z.discriminatedUnion("kind", [
  /** `value` is absent after a put, or when a get has timed out. */
  z.strictObject({ kind: z.literal("answer"), id, value: z.json().optional() }),
  /** The job is over, for this reason. */
  z.strictObject({ kind: z.literal("end"), reason: z.string() }),
  z.strictObject({ kind: z.literal("pong") }),
]);
export type Answer = z.infer<typeof answer>;

/** Proves knowledge of the token without sending it; `who` prevents one side's proof from being used as the other's. */
export function proofOf(token: string, who: "rank" | "coordinator", nonce: string, rank: number): string {
  return createHmac("sha256", token)
    .update(JSON.stringify([who, nonce, rank]))
    .digest("hex");
}

export function sameProof(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

export function send(socket: Socket, message: unknown): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** Calls `onLine` with each line as JSON; a line that is not JSON, or longer than `limit()`, ends the connection. */
export function readLines(socket: Socket, limit: () => number, onLine: (message: unknown) => void): void {
  let parts: Buffer[] = [];
  let length = 0;
  socket.on("data", (chunk: Buffer) => {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0 && !socket.destroyed; end = rest.indexOf(10)) {
      const line = Buffer.concat([...parts, rest.subarray(0, end)]);
      rest = rest.subarray(end + 1);
      parts = [];
      length = 0;
      if (line.length > limit()) {
        socket.destroy(new Error("it sent a line that is too long"));
        return;
      }
      try {
        onLine(parseJson(line.toString("utf8"), { items: 20_000_000 }));
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
        return;
      }
    }
    parts.push(rest);
    length += rest.length;
    if (length > limit()) socket.destroy(new Error("it sent a line that is too long"));
  });
}
