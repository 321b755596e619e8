/** Runs the built command-line program as a user does. */
import { spawn } from "node:child_process";
import { join } from "node:path";

export const root = new URL("../../", import.meta.url).pathname;

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly input?: Uint8Array;
  /** Signal sent as soon as standard error matches. */
  readonly interruptAt?: RegExp;
}

function runNode(args: readonly string[], { cwd = root, input, interruptAt }: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: "pipe" });
    let stdout = "";
    let stderr = "";
    let sent = false;
    child.stdout.on("data", (d: Buffer) => {
      stdout += d.toString();
    });
    child.stderr.on("data", (d: Buffer) => {
      stderr += d.toString();
      if (interruptAt?.test(stderr) && !sent) {
        sent = true;
        child.kill("SIGINT");
      }
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
    child.stdin.on("error", () => undefined);
    child.stdin.end(input ?? "");
  });
}

export function deit(args: readonly string[], options?: RunOptions): Promise<Ran> {
  return runNode([join(root, "bin/deit.js"), ...args], options);
}
