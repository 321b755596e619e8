/**
 * The coordinator of a job: ranks join it with the job's token, share values, synchronise, and learn when one is gone.
 */
import { randomBytes } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { EngineError } from "../errors/errors.js";
import { quoted } from "../errors/quoted.js";
import { MeetingPlace } from "./meeting-place.js";
import {
  type Answer,
  hello,
  lineLimits,
  proofOf,
  type Request,
  readLines,
  request,
  sameProof,
  send,
} from "./protocol.js";

export interface CoordinatorOptions {
  /** Number of processes of the job. */
  readonly ranks: number;
  /** Secret of the job; connections without it are rejected. */
  readonly token: string;
  /** Address to listen on (default: all addresses of the machine). */
  readonly host?: string;
  /** 0 selects a free port. */
  readonly port?: number;
  /** Time for all ranks to join (default: five minutes). */
  readonly joinMs?: number;
  /** A rank that is silent for this long is considered dead (default: a minute). */
  readonly silenceMs?: number;
}

interface Member {
  readonly rank: number;
  readonly host: string;
  readonly socket: Socket;
  heard: number;
  left: boolean;
}

/** Maximum unauthenticated connections; the oldest is closed for a new one. A rank proves its token immediately. */
const mostStrangers = 512;
/** Milliseconds within which a connection must prove the token. */
const strangerMs = 5000;

export class Coordinator {
  /** Resolves when all ranks have left, with undefined, or when the job has failed, with a sentence saying why. */
  readonly ended: Promise<string | undefined>;
  readonly #members = new Map<number, Member>();
  readonly #strangers = new Set<Socket>();
  readonly #place: MeetingPlace;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #silenceMs: number;
  #finish: (reason?: string) => void = () => undefined;
  #over = false;
  /** Why the job has ended, for ranks that connect later. */
  #reason: string | undefined;

  /** Starts to listen. Throws EngineError if the port is in use. */
  static async listen(options: CoordinatorOptions): Promise<Coordinator> {
    const server = createServer();
    const { host, port = 0 } = options;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (cause) => {
        const where = `${host ?? "*"}:${port}`;
        reject(
          new EngineError(`The coordinator cannot listen on ${where}: ${cause.message}; choose another port.`, {
            cause,
          }),
        );
      });
      server.listen({ host, port }, resolve);
    });
    return new Coordinator(server, options);
  }

  private constructor(
    private readonly server: Server,
    private readonly options: CoordinatorOptions,
  ) {
    const { ranks, joinMs = 300_000, silenceMs = 60_000 } = options;
    this.#place = new MeetingPlace(ranks);
    this.#silenceMs = silenceMs;
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
    server.on("connection", (socket) => this.#greet(socket));
    this.#timers.push(
      setTimeout(() => this.#checkJoined(joinMs), joinMs),
      setInterval(() => this.#checkSilence(), silenceMs / 4),
    );
  }

  get port(): number {
    const address = this.server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  /** Ends the job and sends every rank the reason. */
  end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#reason = reason;
    for (const member of this.#members.values()) {
      send(member.socket, { kind: "end", reason } satisfies Answer);
      member.socket.end();
    }
    this.#finish(reason);
  }

  async close(): Promise<void> {
    this.#over = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#strangers) socket.destroy();
    for (const { socket } of this.#members.values()) {
      socket.end();
      setTimeout(() => socket.destroy(), 1000).unref();
    }
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.#finish();
  }

  #greet(socket: Socket): void {
    socket.on("error", () => undefined); // "close" follows and is handled instead
    if (this.#over && this.#reason === undefined) {
      socket.destroy();
      return;
    }
    const [oldest] = this.#strangers;
    if (this.#strangers.size >= mostStrangers) {
      this.#strangers.delete(oldest);
      oldest.destroy();
    }
    this.#strangers.add(socket);
    const patience = setTimeout(() => socket.destroy(), strangerMs);
    const nonce = randomBytes(16).toString("hex");
    let member: Member | undefined;
    readLines(
      socket,
      () => (member ? lineLimits.member : lineLimits.stranger),
      (message) => {
        if (member) {
          member.heard = performance.now();
          void this.#answer(member, request.parse(message));
          return;
        }
        member = this.#admit(socket, nonce, hello.parse(message));
        if (!member) return;
        clearTimeout(patience);
        this.#strangers.delete(socket);
      },
    );
    socket.on("close", () => {
      clearTimeout(patience);
      this.#strangers.delete(socket);
      if (member && !member.left) this.end(`Rank ${member.rank} on ${member.host} is gone, so the job ends.`);
    });
    send(socket, { challenge: nonce });
  }

  #admit(socket: Socket, nonce: string, { rank, ranks, host, nonce: theirs, proof }: ReturnType<typeof hello.parse>) {
    const refuse = (refused: string): undefined => {
      send(socket, { refused });
      socket.end();
    };
    const { token } = this.options;
    if (!sameProof(proof, proofOf(token, "rank", nonce, rank)))
      return refuse("its job token differs; give all nodes the same DEIT_JOB_TOKEN");
    if (ranks !== this.options.ranks || rank >= ranks)
      return refuse(
        `it calls itself rank ${rank} of ${ranks}, but the job has ${this.options.ranks}; start it with the same numbers of nodes and of processes on each`,
      );
    if (this.#reason !== undefined) return refuse(`the job has ended: ${this.#reason.replace(/\.$/, "")}`);
    const other = this.#members.get(rank);
    if (other) return refuse(`rank ${rank} has joined from ${other.host} already; give each node a rank of its own`);
    const member: Member = { rank, host: quoted(host), socket, heard: performance.now(), left: false };
    this.#members.set(rank, member);
    send(socket, { proof: proofOf(token, "coordinator", theirs, rank), pingMs: this.#silenceMs / 4 });
    return member;
  }

  async #answer(member: Member, asked: Request): Promise<void> {
    const { socket, rank } = member;
    try {
      switch (asked.kind) {
        case "ping":
          return send(socket, { kind: "pong" } satisfies Answer);
        case "leave":
          member.left = true;
          socket.end();
          if ([...this.#members.values()].filter((m) => m.left).length === this.options.ranks) this.#finish();
          return;
        case "fail":
          return this.end(`Rank ${rank} on ${member.host} ends the job: ${asked.reason}`);
        case "put":
          this.#place.put(asked.key, asked.value);
          return send(socket, { kind: "answer", id: asked.id } satisfies Answer);
        case "get": {
          const value = await this.#place.get(asked.key, asked.timeoutMs);
          return send(socket, { kind: "answer", id: asked.id, value } satisfies Answer);
        }
        case "gather": {
          const value = await this.#place.gather(asked.name, rank, asked.value);
          return send(socket, { kind: "answer", id: asked.id, value: [...value] } as Answer);
        }
      }
    } catch (error) {
      this.end(`Rank ${rank} on ${member.host} ends the job: ${error instanceof Error ? error.message : error}.`);
    }
  }

  #checkJoined(joinMs: number): void {
    const { ranks } = this.options;
    const missing = Array.from({ length: ranks }, (_, r) => r).filter((r) => !this.#members.has(r));
    if (missing.length === 0) return;
    const some = missing.slice(0, 8).join(", ") + (missing.length > 8 ? ", …" : "");
    this.end(
      `${missing.length} of ${ranks} ranks (${some}) did not join within ${joinMs / 1000} s; start "deit launch" on every node, with the same coordinator and a node rank of its own.`,
    );
  }

  #checkSilence(): void {
    for (const { rank, host, heard, left } of this.#members.values()) {
      if (left || performance.now() - heard < this.#silenceMs) continue;
      this.end(`Rank ${rank} on ${host} has been silent for ${this.#silenceMs / 1000} s, so the job ends.`);
    }
  }
}
