/** The identity of this process, and whether another process, given by its identity, is still alive. */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** When the process started, in milliseconds since 1970; for people, and if the system reports nothing better. */
  readonly began: number;
  /**
   * Linux: the boot and the PID namespace that `pid` belongs to. Two containers may share a host name and process ids,
   * but never this.
   */
  readonly numbering?: string;
  /** Linux: when the process started, in clock ticks since boot: distinguishes it from a later one with the same id. */
  readonly started?: string;
}

/**
 * `alive` and `gone` are certain. `unproven`: a process with that id runs on a machine of that name, which is all that
 * this system reports. `elsewhere`: its process ids belong to a different machine or namespace, so it is not visible
 * from here.
 */
export type Life = "alive" | "gone" | "unproven" | "elsewhere";

export function thisProcess(): ProcessIdentity {
  const began = Math.round(performance.timeOrigin);
  return { pid: process.pid, host: hostname(), began, ...linuxIdentity() };
}

/** The process as the subject of a sentence; "Another process" if unknown. */
export const namedProcess = (other: ProcessIdentity | undefined): string =>
  other ? `Process ${other.pid} on ${other.host}` : "Another process";

export function lifeOf(other: ProcessIdentity, me: ProcessIdentity = thisProcess()): Life {
  if (other.numbering !== undefined && me.numbering !== undefined) {
    if (other.numbering !== me.numbering) return "elsewhere";
    const now = processStat(other.pid);
    if (now) return !now.ended && now.started === other.started ? "alive" : "gone";
  } else {
    if (other.host !== me.host) return "elsewhere";
    if (other.pid === me.pid) return other.began === me.began ? "alive" : "gone";
    if (me.numbering !== undefined && processStat(other.pid)?.ended) return "gone";
  }
  return answers(other.pid) ? "unproven" : "gone"; // /proc may hide processes of other users
}

/** Empty if /proc is missing or belongs to a different PID namespace. */
function linuxIdentity(): Pick<ProcessIdentity, "numbering" | "started"> {
  try {
    if (readlinkSync("/proc/self") !== String(process.pid)) return {};
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const started = processStat(process.pid)?.started;
    return started === undefined ? {} : { numbering: `${boot} ${readlinkSync("/proc/self/ns/pid")}`, started };
  } catch {
    return {};
  }
}

/** State and start of a process, from /proc; undefined if there is none with that id. */
function processStat(pid: number): { readonly ended: boolean; readonly started: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name, which may contain spaces and parentheses.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { ended: /^[ZXx]$/.test(fields[0]), started: fields[19] };
  } catch {
    return undefined;
  }
}

function answers(pid: number): boolean {
  if (!(pid > 0)) return false; // 0 and below address groups of processes
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
