/** A rank's side of the coordination: joins the job's coordinator, shares values, and learns when the job is over. */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError, TrainingError } from "../errors/errors.js";
import { sentence, setting } from "../errors/sentence.js";
import { networkReason, Unfinished } from "../system/net/network-reason.js";
import type { Json, KeyValueStore, ProcessGroup } from "./process-group.js";
import {
  answer,
  challenge,
  lineLimits,
  proofOf,
  type Request,
  readLines,
  sameProof,
  send,
  welcome,
} from "./protocol.js";

export interface RankOptions {
  readonly rank: number;
  readonly ranks: number;
  /** `host:port`. */
  readonly coordinator: string;
  readonly token: string;
  /** How long to try to reach the coordinator (default: five minutes, since nodes start at different times). */
  readonly joinMs?: number;
}

/** A message without its id, which its answer will repeat. */
type Question = Request extends infer R ? (R extends { id: number } ? Omit<R, "id"> : never) : never;

/** Milliseconds within which a coordinator must identify itself. */
const greetingMs = 10_000;

export class Rank implements ProcessGroup, KeyValueStore {
  readonly index: number;
  readonly count: number;
  readonly #pending = new Map<number, { resolve(value: Json | undefined): void; reject(error: Error): void }>();
  readonly #turns = new Map<string, number>();
  readonly #over = new AbortController();
  #next = 0;
  #left = false;
  #ping: NodeJS.Timeout | undefined;

  /** Joins the job. Throws EngineError if the coordinator cannot be reached or rejects this rank. */
  static async join(options: RankOptions): Promise<Rank> {
    const { coordinator, joinMs = 300_000 } = options;
    const { host, port } = parseAddress(coordinator);
    const deadline = performance.now() + joinMs;
    for (let pause = 100; ; pause = Math.min(2 * pause, 2000)) {
      try {
        return await Rank.#connect(connect({ host, port, noDelay: true, keepAlive: true }), options);
      } catch (cause) {
        if (cause instanceof EngineError) throw cause;
        if (performance.now() + pause > deadline) {
          throw new EngineError(
            `Rank ${options.rank} cannot reach the coordinator at ${coordinator} (${networkReason(cause)}); check that "deit launch" runs on node 0 and that the port is open.`,
            { cause },
          );
        }
        await sleep(pause);
      }
    }
  }

  static async #connect(socket: Socket, options: RankOptions): Promise<Rank> {
    const { rank, ranks, token, coordinator } = options;
    const lines = new LineQueue(socket);
    const patience = setTimeout(() => socket.destroy(new Unfinished("it says nothing")), greetingMs);
    try {
      const { challenge: theirs } = challenge.parse(await lines.next());
      const nonce = randomBytes(16).toString("hex");
      send(socket, { rank, ranks, host: hostname(), nonce, proof: proofOf(token, "rank", theirs, rank) });
      const reply = welcome.parse(await lines.next());
      if ("refused" in reply)
        throw new EngineError(`The coordinator at ${coordinator} rejected rank ${rank}: ${reply.refused}.`);
      if (!sameProof(reply.proof, proofOf(token, "coordinator", nonce, rank)))
        throw new EngineError(
          sentence`The process at ${coordinator} rejected the job token; check ${setting("coordinator").of("launch")} and DEIT_JOB_TOKEN.`,
        );
      return new Rank(socket, lines, options, reply.pingMs);
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(patience);
    }
  }

  private constructor(
    private readonly socket: Socket,
    lines: LineQueue,
    { rank, ranks, coordinator }: RankOptions,
    pingMs: number,
  ) {
    this.index = rank;
    this.count = ranks;
    let heard = performance.now();
    this.#ping = setInterval(() => {
      if (performance.now() - heard > 4 * pingMs)
        this.#fail(`The coordinator at ${coordinator} has stopped responding, so the job ends.`);
      else send(socket, { kind: "ping" } satisfies Request);
    }, pingMs);
    this.#ping.unref();
    lines.follow((message) => {
      heard = performance.now();
      const said = answer.parse(message);
      if (said.kind === "end") this.#fail(said.reason);
      if (said.kind !== "answer") return;
      this.#pending.get(said.id)?.resolve(said.value as Json | undefined);
      this.#pending.delete(said.id);
    });
    socket.on("close", () => this.#fail(`The coordinator at ${coordinator} is gone, so the job ends.`));
  }

  /** Aborted with a TrainingError if the job has broken up: another rank or the coordinator is gone. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  async gather<T extends Json>(name: string, value: T): Promise<T[]> {
    // All ranks gather in the same order, so a count per name distinguishes one gather from the next.
    const turn = this.#turns.get(name) ?? 0;
    this.#turns.set(name, turn + 1);
    return (await this.#ask({ kind: "gather", name: `${name}#${turn}`, value: value as never })) as unknown as T[];
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    await this.#ask({ kind: "put", key, value: Buffer.from(value).toString("base64") });
  }

  async get(key: string, timeoutMs: number): Promise<Uint8Array | undefined> {
    const value = await this.#ask({ kind: "get", key, timeoutMs });
    return typeof value === "string" ? Buffer.from(value, "base64") : undefined;
  }

  /** Leaves the job, so that the end of this process is not mistaken for a failure. */
  async leave(): Promise<void> {
    if (this.#left || this.#over.signal.aborted) return;
    this.#left = true;
    clearInterval(this.#ping);
    send(this.socket, { kind: "leave" } satisfies Request);
    await new Promise<void>((resolve) => {
      this.socket.once("close", () => resolve());
      this.socket.end();
      setTimeout(() => this.socket.destroy(), 2000).unref();
    });
  }

  /** Reports that this process has failed, which ends the job; all others get the reason. */
  fail(reason: string): void {
    if (this.#left || this.#over.signal.aborted) return;
    this.#left = true;
    clearInterval(this.#ping);
    send(this.socket, { kind: "fail", reason: reason.slice(0, 4096) } satisfies Request);
    this.socket.end();
    this.socket.unref();
  }

  #ask(question: Question): Promise<Json | undefined> {
    if (this.#over.signal.aborted) return Promise.reject(this.#over.signal.reason);
    if (this.#left) return Promise.reject(new EngineError("This rank has left the job; that is a bug in deit."));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      send(this.socket, { ...question, id });
    });
  }

  #fail(reason: string): void {
    if (this.#left || this.#over.signal.aborted) return;
    clearInterval(this.#ping);
    const error = new TrainingError(reason);
    this.#over.abort(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
    this.socket.destroy();
  }
}

/** `host:port`, or `[address]:port`. */
export function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([\da-fA-F:.]+)\]|([^:\s[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65535)
    throw new EngineError(`The coordinator "${text}" is not an address; write host:port, such as node1:29400.`);
  return { host: match[1] ?? match[2], port };
}

/** Lines of a connection: one at a time at first, then all to a listener. */
class LineQueue {
  readonly #lines: unknown[] = [];
  #take: ((line: unknown) => void) | undefined;
  #failed: (error: Error) => void = () => undefined;
  readonly #closed: Promise<never>;

  constructor(socket: Socket) {
    this.#closed = new Promise((_, reject) => {
      this.#failed = reject;
    });
    this.#closed.catch(() => undefined);
    let reason: Error = new Unfinished("the connection was closed");
    socket.on("error", (error) => {
      reason = error;
    });
    socket.on("close", () => this.#failed(reason));
    readLines(
      socket,
      () => lineLimits.member,
      (line) => (this.#take ? this.#take(line) : this.#lines.push(line)),
    );
  }

  next(): Promise<unknown> {
    if (this.#lines.length > 0) return Promise.resolve(this.#lines.shift());
    const line = new Promise((resolve) => {
      this.#take = (value) => {
        this.#take = undefined;
        resolve(value);
      };
    });
    return Promise.race([line, this.#closed]);
  }

  follow(listener: (line: unknown) => void): void {
    this.#take = listener;
    for (const line of this.#lines.splice(0)) listener(line);
  }
}
