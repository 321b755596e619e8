import headless from "@xterm/headless";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createProgress } from "./progress.js";
import { Terminal, type TextStream } from "./terminal.js";

/** A stream connected to an emulated screen. */
function screenOf(columns: number) {
  const screen = new headless.Terminal({
    cols: columns,
    rows: 24,
    scrollback: 500,
    convertEol: true,
    allowProposedApi: true,
  });
  const stream: TextStream & { columns: number } = {
    isTTY: true,
    columns,
    write: (text) => screen.write(text),
    once: () => undefined,
  };
  /** All lines that were written, each as one regardless of how the screen wraps it. */
  const lines = async (): Promise<string[]> => {
    await new Promise<void>((resolve) => screen.write("", resolve));
    const { active } = screen.buffer;
    const found: string[] = [];
    for (let y = 0; y < active.length; y++) {
      const row = active.getLine(y)!;
      // A row that continues in the next one is full, so that its spaces count.
      const text = row.translateToString(!active.getLine(y + 1)?.isWrapped);
      if (row.isWrapped) found.push(found.pop() + text);
      else found.push(text);
    }
    while (found.at(-1) === "") found.pop();
    return found;
  };
  const resize = async (to: number) => {
    await lines();
    stream.columns = to;
    screen.resize(to, 24);
  };
  return { terminal: new Terminal(() => stream), lines, resize };
}

const notes = ["loss 2.053", "lr 5.2e-4", "data wait 11 %", "onnx on cpu (2 threads)"];
const epoch = (n: number) =>
  `epoch ${n}: loss 2.0672, train top-1 26.0 %, test top-1 23.50 % (1544 images/s, 45 % waiting for data)`;

beforeEach(() => {
  vi.stubEnv("TERM", "xterm-256color");
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

describe.each([40, 50, 80, 100, 200])("on %d columns", (columns) => {
  it("keeps lines whole, with one bar below them and none at the end", async () => {
    const { terminal, lines } = screenOf(columns);
    const progress = createProgress({ title: "training", total: 3072, unit: "images" }, terminal);
    expect((await lines()).join()).not.toContain("left");
    const said: string[] = [];
    for (let n = 1; n <= 12; n++) {
      for (const part of [0.3, 0.6, 1]) {
        vi.advanceTimersByTime(100);
        progress.update(Math.round(256 * (n - 1 + part)), notes);
      }
      terminal.line(epoch(n));
      said.push(epoch(n));
    }
    const now = await lines();
    expect(now.slice(0, -1)).toEqual(said);
    expect(now.at(-1)).toMatch(/^training .*100 %.*loss 2\.053, lr 5\.2e-4/);
    progress.stop();
    terminal.line("run folder: runs/x");
    expect(await lines()).toEqual([...said, "run folder: runs/x"]);
  });
});

it("shows the most important parts if there is little room", async () => {
  const bars = [];
  for (const columns of [140, 100, 80, 60, 50, 40, 20]) {
    const { terminal, lines } = screenOf(columns);
    const progress = createProgress({ title: "training", total: 6144, unit: "images" }, terminal);
    vi.advanceTimersByTime(5216);
    progress.update(3072, notes);
    bars.push(...(await lines()));
  }
  expect(bars).toEqual([
    "training █████████████░░░░░░░░░░░░░ 50 %, 3072/6144 images, 589/s, 5 s left, loss 2.053, lr 5.2e-4, data wait 11 %, onnx on cpu (2 threads)",
    "training ██████░░░░░ 50 %, 3072/6144 images, 589/s, 5 s left, loss 2.053, lr 5.2e-4, data wait 11 %",
    "training ███████░░░░░░░ 50 %, 3072/6144, 589/s, 5 s left, loss 2.053, lr 5.2e-4",
    "training 50 %, 589/s, 5 s left, loss 2.053, lr 5.2e-4",
    "training 50 %, 5 s left, loss 2.053, lr 5.2e-4",
    "training 50 %, 5 s left, loss 2.053",
    "tra… 50 %, 5 s left",
  ]);
});

it("loses no line when the window is narrowed, and shows one bar of several", async () => {
  const { terminal, lines, resize } = screenOf(100);
  terminal.line("first");
  const outer = createProgress({ title: "learning rate", total: 100, unit: "steps" }, terminal);
  outer.update(10, notes);
  await resize(40);
  const inner = createProgress({ title: "listing shards", total: 8, unit: "shards" }, terminal);
  inner.update(8);
  expect(await lines()).toEqual(["first", expect.stringMatching(/^listing shards .*100 %/)]);
  inner.stop();
  expect(await lines()).toEqual(["first", expect.stringMatching(/^learning rate .*10 %/)]);
  outer.stop();
  expect(await lines()).toEqual(["first"]);
});

it("continues without a stream that fails", () => {
  const written: string[] = [];
  const listeners: string[] = [];
  const stream: TextStream = {
    write: (text, done) => {
      written.push(text);
      done?.(new Error("ENOSPC"));
    },
    once: (event) => listeners.push(event),
  };
  const terminal = new Terminal(() => stream);
  terminal.line("one");
  terminal.line("two");
  expect({ written, listeners }).toEqual({ written: ["one\n"], listeners: ["error"] });
});
