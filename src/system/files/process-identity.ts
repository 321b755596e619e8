/** Which process one is, and whether another that described itself still lives. */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** When its process began, in milliseconds since 1970; for people, and where the system tells nothing better. */
  readonly began: number;
  /**
   * Linux: the boot and the PID namespace that `pid` counts in. Two containers may have one host name and the same
   * numbers; they never share this.
   */
  readonly numbering?: string;
  /** Linux: when the process began, in clock ticks since the boot: tells it from a later one with its number. */
  readonly started?: string;
}

/**
 * `alive` and `gone` are certain. `unproven`: a process of that number runs on a machine of that name, which is all that
 * this system tells. `elsewhere`: it counts its processes in another way, so that nothing can be seen of it from here.
 */
export type Life = "alive" | "gone" | "unproven" | "elsewhere";

export function thisProcess(): ProcessIdentity {
  const began = Math.round(performance.timeOrigin);
  return { pid: process.pid, host: hostname(), began, ...linuxIdentity() };
}

/** The process as the subject of a sentence; of one that is unknown, "Another process". */
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

/** Nothing where /proc is missing, or is that of another PID namespace. */
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

/** State and start of a process, from /proc; undefined when there is none of that number. */
function processStat(pid: number): { readonly ended: boolean; readonly started: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name, which may hold blanks and brackets.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { ended: /^[ZXx]$/.test(fields[0]), started: fields[19] };
  } catch {
    return undefined;
  }
}

function answers(pid: number): boolean {
  if (!(pid > 0)) return false; // 0 and below speak to groups of processes
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
