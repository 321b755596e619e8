/**
 * Signals that come while the program is still being loaded. It is imported before all else: until somebody listens,
 * SIGUSR1 starts Node's inspector, and the first process of a container ignores the others.
 */
import { readFileSync, readlinkSync } from "node:fs";

/** SIGUSR1 is a cluster's warning: save, end, be taken up again. SIGHUP comes when the terminal is gone. */
export type EndingSignal = "SIGINT" | "SIGTERM" | "SIGUSR1" | "SIGHUP";

/** Those that end work. `nohup` asks that the terminal's end does not. */
export const endings: readonly EndingSignal[] = startedByNohup()
  ? ["SIGINT", "SIGTERM", "SIGUSR1"]
  : ["SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP"];

const warning = new AbortController();

/** Aborted when a cluster's warning has come before there was work that it could end. */
export const earlyWarning: AbortSignal = warning.signal;

const atOnce = endings.filter((name) => name !== "SIGUSR1");

process.on("SIGUSR1", () => warning.abort());
if (!endings.includes("SIGHUP")) process.on("SIGHUP", () => undefined);
for (const name of atOnce) process.on(name, endBy);

/** To be called by who answers signals from now on. */
export function leaveSignals(): void {
  for (const name of atOnce) process.off(name, endBy);
}

/**
 * Ends the process as the signal does that nobody listens to. `process.exit` would end the engine's thread in the middle
 * of its work, and Node aborts where native code then calls back.
 */
export function endBy(name: NodeJS.Signals): void {
  process.removeAllListeners(name);
  process.kill(process.pid, name);
  // Still here: the first process of a container ignores what it does not listen to.
  process.exit(interrupted);
}

/** The exit code of `InterruptedError`, which is not loaded yet. */
const interrupted = 130;

/**
 * Whether `nohup` started this process from a terminal. Node takes back that SIGHUP is to be ignored before any of our
 * lines run; what stays is the standard input that nobody else gives: /dev/null, open for writing only.
 */
function startedByNohup(): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync("/proc/self/fdinfo/0", "utf8"));
    return readlinkSync("/proc/self/fd/0") === "/dev/null" && (Number.parseInt(flags?.[1] ?? "0", 8) & 3) === 1;
  } catch {
    return false; // no Linux
  }
}
