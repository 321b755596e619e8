import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { listen } from "./listening.js";

it("answers what arrived before it stopped, accepted or not yet", async () => {
  const listening = await listen(() => new Response("served"), { host: "127.0.0.1", port: 0, requestTimeout: 5000 });
  const port = Number(new URL(listening.url).port);
  // More than the event loop accepts before all of them are connected to the system's queue.
  const clients = Array.from({ length: 200 }, () => connect(port, "127.0.0.1"));
  await Promise.all(clients.map((client) => once(client, "connect")));
  const answers = clients.map((client) => {
    client.write("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    return text(client).then((answer) => answer.slice(0, 15), String);
  });
  const closed = listening.close();
  expect(new Set(await Promise.all(answers))).toEqual(new Set(["HTTP/1.1 200 OK"]));
  await closed;
});
