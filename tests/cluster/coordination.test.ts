import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Coordinator, type CoordinatorOptions } from "../../src/cluster/coordinator.js";
import { proofOf } from "../../src/cluster/protocol.js";
import { parseAddress, Rank } from "../../src/cluster/rank.js";

const token = "secret of the job";
let coordinator: Coordinator;
let members: Rank[] = [];
async function job(ranks: number, options: Partial<CoordinatorOptions> = {}): Promise<Rank[]> {
  coordinator = await Coordinator.listen({ ranks, token, host: "127.0.0.1", ...options });
  members = await Promise.all(Array.from({ length: ranks }, (_, rank) => join(rank, ranks)));
  return members;
}
const at = () => `127.0.0.1:${coordinator.port}`;
const join = (rank: number, ranks: number, secret = token) =>
  Rank.join({ rank, ranks, coordinator: at(), token: secret, joinMs: 2000 });
const bytes = (text: string) => Buffer.from(text);
const reasonOf = async ({ over }: Rank): Promise<string> => {
  if (!over.aborted) await once(over, "abort");
  return (over.reason as Error).message;
};

afterEach(async () => {
  for (const m of members) await m.leave();
  await coordinator.close();
});

describe("ranks of a job", () => {
  it("share values: a reader waits for the writer, or in vain", async () => {
    const [a, b] = await job(2);
    const early = b.get("key", 5000);
    await a.put("key", Uint8Array.of(0, 10, 255));
    expect([...(await early)!]).toEqual([0, 10, 255]);
    await a.put("key", bytes("new"));
    expect(Buffer.from((await b.get("key", 0))!).toString()).toBe("new");
    expect(await b.get("nothing", 0)).toBeUndefined();
    expect(await b.get("nothing", 30)).toBeUndefined();
    const large = new Uint8Array(3 * 2 ** 20).fill(7);
    await b.put("large", large);
    expect(Buffer.compare(Buffer.from((await a.get("large", 0))!), large)).toBe(0);
  });

  it("meet: everyone gets everyone's value, by rank, meeting after meeting", async () => {
    const ranks = await job(4);
    const first = await Promise.all(ranks.map((r) => r.gather("numbers", r.index * r.index)));
    expect(first).toEqual(Array(4).fill([0, 1, 4, 9]));
    const [ahead, ...others] = ranks;
    const next = ahead.gather("numbers", "ahead");
    const after = ahead.gather("numbers", { further: true });
    expect(await Promise.all(others.map((r) => r.gather("numbers", null)))).toEqual(
      Array(3).fill(["ahead", null, null, null]),
    );
    await Promise.all(others.map((r) => r.gather("numbers", false)));
    expect(await next).toEqual(["ahead", null, null, null]);
    expect(await after).toEqual([{ further: true }, false, false, false]);
  });

  it("leave one after the other, and then the job has ended well", async () => {
    const [a, b] = await job(2);
    await a.leave();
    expect(b.over.aborted).toBe(false);
    await b.leave();
    expect(await coordinator.ended).toBeUndefined();
    await expect(a.put("late", bytes(""))).rejects.toThrow(/has left/);
  });

  it("all end with a sentence when one dies", async () => {
    const [a, b, c] = await job(3);
    const waiting = a.gather("last", 1);
    const refused = expect(waiting).rejects.toThrow(/Rank 2 on ".+" is gone, so the job ends\./);
    (c as unknown as { socket: { destroy(): void } }).socket.destroy();
    for (const rank of [a, b]) expect(await reasonOf(rank)).toMatch(/Rank 2 on ".+" is gone/);
    await refused;
    expect(await coordinator.ended).toMatch(/Rank 2/);
    await expect(b.get("x", 0)).rejects.toMatchObject({ exitCode: 7 });
  });

  it("all hear why when one fails", async () => {
    const [a, b] = await job(2);
    b.fail("The disk is full.");
    expect(await reasonOf(a)).toMatch(/^Rank 1 on ".+" ends the job: The disk is full\.$/);
    expect(await coordinator.ended).toContain("The disk is full.");
    expect(b.over.aborted).toBe(false);
  });

  it("all end when one falls silent, and when the coordinator is gone", async () => {
    coordinator = await Coordinator.listen({ ranks: 2, token, host: "127.0.0.1", silenceMs: 200 });
    const good = await join(0, 2);
    members = [good];
    // A rank that stops speaking without closing its connection, as a frozen process or an unplugged node does.
    const frozen = connect(coordinator.port, "127.0.0.1");
    const [said] = (await once(frozen, "data")) as [Buffer];
    const { challenge } = JSON.parse(said.toString()) as { challenge: string };
    const proof = proofOf(token, "rank", challenge, 1);
    frozen.write(`${JSON.stringify({ rank: 1, ranks: 2, host: "frozen", nonce: "n", proof })}\n`);
    expect(await reasonOf(good)).toBe('Rank 1 on "frozen" has been silent for 0.2 s, so the job ends.');
    frozen.destroy();
    await coordinator.close();

    const [alone] = await job(1);
    await coordinator.close();
    expect(await reasonOf(alone)).toMatch(/coordinator at 127.0.0.1:\d+ is gone/);
  });

  it("is ended by the coordinator's owner, with the owner's reason", async () => {
    const [a] = await job(1);
    coordinator.end("The launcher was interrupted.");
    expect(await reasonOf(a)).toBe("The launcher was interrupted.");
    await expect(join(0, 1)).rejects.toThrow(/rejected rank 0: the job has ended: The launcher was interrupted\.$/);
  });
});

describe("a coordinator", () => {
  it("rejects clients that do not know the token, or do not belong", async () => {
    coordinator = await Coordinator.listen({ ranks: 2, token, host: "127.0.0.1" });
    const a = await join(0, 2);
    members = [a];
    await expect(join(1, 2, "guess")).rejects.toThrow(/rejected rank 1: its job token differs/);
    await expect(join(1, 3)).rejects.toThrow(/rank 1 of 3, but the job has 2/);
    await expect(join(0, 2)).rejects.toThrow(/rank 0 has joined from .*; give each node a rank of its own/);
    const b = await join(1, 2);
    members.push(b);
    expect(await Promise.all([a.gather("x", 1), b.gather("x", 2)])).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it("names the ranks that never came", async () => {
    coordinator = await Coordinator.listen({ ranks: 3, token, host: "127.0.0.1", joinMs: 150 });
    members = [await join(1, 3)];
    expect(await reasonOf(members[0])).toMatch(/2 of 3 ranks \(0, 2\) did not join within 0.15 s; start "deit launch"/);
  });

  it("is not disturbed by strangers", async () => {
    const [a] = await job(1);
    for (const noise of ["GET / HTTP/1.1\r\n\r\n", "x".repeat(10_000), '{"rank":0}\n', "null\n", "\n\n\n"]) {
      const stranger = connect(coordinator.port, "127.0.0.1");
      stranger.on("error", () => undefined);
      stranger.resume();
      stranger.end(noise);
      await once(stranger, "close");
    }
    expect(await a.gather("still here", true)).toEqual([true]);
  });

  it("lets a rank join at once, however many strangers hold their connections open", async () => {
    coordinator = await Coordinator.listen({ ranks: 1, token, host: "127.0.0.1" });
    const strangers = Array.from({ length: 700 }, () => connect(coordinator.port, "127.0.0.1"));
    for (const stranger of strangers) stranger.on("error", () => undefined).resume();
    const gone = strangers.slice(0, 100).map((stranger) => once(stranger, "close"));
    await Promise.all(gone);
    members = [await join(0, 1)];
    expect(await members[0].gather("here", true)).toEqual([true]);
    for (const stranger of strangers) stranger.destroy();
  });

  it("whose number another program has taken is detected", async () => {
    const [a] = await job(1);
    expect(a.over.aborted).toBe(false);
    const impostor = await Coordinator.listen({ ranks: 1, token: "other", host: "127.0.0.1" });
    const rank = Rank.join({ rank: 0, ranks: 1, coordinator: `127.0.0.1:${impostor.port}`, token, joinMs: 500 });
    await expect(rank).rejects.toThrow(/token/);
    await impostor.close();
  });

  it("reports that a port is in use", async () => {
    await job(1);
    const again = Coordinator.listen({ ranks: 1, token, host: "127.0.0.1", port: coordinator.port });
    await expect(again).rejects.toThrow(/cannot listen on 127.0.0.1:\d+.*choose another port/);
  });

  it("that is not there is given up after a while", async () => {
    await job(1);
    const { port } = coordinator;
    await members[0].leave();
    await coordinator.close();
    const lost = Rank.join({ rank: 0, ranks: 1, coordinator: `127.0.0.1:${port}`, token, joinMs: 300 });
    await expect(lost).rejects.toThrow(/Rank 0 cannot reach the coordinator at 127.0.0.1:\d+/);
  });
});

describe("an address", () => {
  it("is a host and a port", () => {
    expect(parseAddress("node1:29400")).toEqual({ host: "node1", port: 29400 });
    expect(parseAddress("[::1]:80")).toEqual({ host: "::1", port: 80 });
    for (const bad of ["node1", "node1:", ":1", "node1:99999", "a b:1", "::1:80"])
      expect(() => parseAddress(bad), bad).toThrow(/host:port/);
  });
});
