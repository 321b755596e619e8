/**
 * Handles signals that arrive while the program is still loading. Imported before everything else: without a listener,
 * SIGUSR1 starts Node's inspector, and the first process of a container ignores the others.
 */
import { readFileSync, readlinkSync } from "node:fs";

/** SIGUSR1 is a cluster's warning: save and exit, to be resumed later. SIGHUP is sent when the terminal is gone. */
export type EndingSignal = "SIGINT" | "SIGTERM" | "SIGUSR1" | "SIGHUP";

/** Signals that end work; with `nohup`, SIGHUP does not. */
export const endings: readonly EndingSignal[] = startedByNohup()
  ? ["SIGINT", "SIGTERM", "SIGUSR1"]
  : ["SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP"];

const warning = new AbortController();

/** Aborted if a cluster's warning arrived before there was work to end. */
export const earlyWarning: AbortSignal = warning.signal;

const atOnce = endings.filter((name) => name !== "SIGUSR1");

process.on("SIGUSR1", () => warning.abort());
if (!endings.includes("SIGHUP")) process.on("SIGHUP", () => undefined);
for (const name of atOnce) process.on(name, endBy);

/** To be called by the code that handles signals from now on. */
export function leaveSignals(): void {
  for (const name of atOnce) process.off(name, endBy);
}

/**
 * Ends the process like the signal without a listener. `process.exit` would end the engine's thread in the middle of
 * its work, and Node aborts if native code then calls back.
 */
export function endBy(name: NodeJS.Signals): void {
  process.removeAllListeners(name);
  process.kill(process.pid, name);
  // Still running: the first process of a container ignores signals without a listener.
  process.exit(interrupted);
}

/** The exit code of `InterruptedError`, which is not loaded yet. */
const interrupted = 130;

/**
 * Whether `nohup` started this process from a terminal. Node resets the ignored SIGHUP before any of our code runs;
 * what remains is a standard input that only nohup sets up: /dev/null, open only for writing.
 */
function startedByNohup(): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync("/proc/self/fdinfo/0", "utf8"));
    return readlinkSync("/proc/self/fd/0") === "/dev/null" && (Number.parseInt(flags?.[1] ?? "0", 8) & 3) === 1;
  } catch {
    return false; // not Linux
  }
}
