/** Runs a program of this package in a child process whose memory allocator suits XLA, and acts on its behalf. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { EngineError } from "../errors/errors.js";

/**
 * XLA's CPU client reallocates its temporaries for each execution, some 500 MB for a step of DeiT-Ti, and glibc returns
 * such large blocks to the system immediately: a third of the step is spent on page faults. With these settings the
 * heap keeps them (no mmap, no trimming, growth in large steps) and uses huge pages, which gains 25–45 %. They are read
 * when a process starts, so a process cannot set them for itself.
 */
const allocator: Readonly<Record<string, string>> = {
  GLIBC_TUNABLES: "glibc.malloc.hugetlb=1",
  MALLOC_MMAP_MAX_: "0",
  MALLOC_TRIM_THRESHOLD_: "100000000000",
  MALLOC_TOP_PAD_: "268435456",
};

/** Distinguishes a launched process from one started by the user. */
const marker = "DEIT_LAUNCHED";

/** Device events are awaited on the threads that Node also uses for files; the default of four is too few for both. */
const threadPool: Readonly<Record<string, string>> = { UV_THREADPOOL_SIZE: "8" };

/** The environment of a launched process. Variables set by the user are not changed. */
export function launchEnvironment(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): NodeJS.ProcessEnv {
  return { ...(platform === "linux" ? allocator : {}), ...threadPool, ...env, [marker]: "1" };
}

/** Whether this process was started by `launch`. */
export function isLaunched(env: NodeJS.ProcessEnv = process.env): boolean {
  return env[marker] === "1";
}

export interface LaunchOptions {
  /** Additional variables, such as the rank of the process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

const forwarded = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;

/**
 * Starts `script` with `args` under the settings above, with this process's input and output, and resolves to its exit
 * code; if a signal ended it, to 128 + the signal's number, as in a shell. Signals to this process are forwarded to the
 * child, which decides how to handle them.
 */
export function launch(script: string, args: readonly string[], { env, signal }: LaunchOptions = {}): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
    // The channel lets the child notice when this process is gone (see followParent).
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...launchEnvironment(), ...env },
  });
  child.channel?.unref();
  const stopForwarding = forwardSignals((name) => child.kill(name));
  const abort = () => child.kill("SIGTERM");
  signal?.addEventListener("abort", abort, { once: true });
  return new Promise<number>((resolve, reject) => {
    child.once("error", (cause) => reject(new EngineError(`Cannot start "${script}": ${cause.message}.`, { cause })));
    child.once("exit", (code, name) => resolve(code ?? 128 + (name ? constants.signals[name] : 0)));
  }).finally(() => {
    stopForwarding();
    signal?.removeEventListener("abort", abort);
  });
}

/** Calls `pass` with the signals that this process gets from now on; the returned function stops this. */
export function forwardSignals(pass: (signal: NodeJS.Signals) => void): () => void {
  const forward = (name: NodeJS.Signals) => {
    // A terminal sends Ctrl-C to the whole group; forwarding it would look like a second one.
    if (name === "SIGINT" && process.stdin.isTTY) return;
    pass(name);
  };
  for (const name of forwarded) process.on(name, forward);
  return () => {
    for (const name of forwarded) process.off(name, forward);
  };
}

/** To be called in a launched process: ends it like a termination signal when the launcher is gone. */
export function followParent(): void {
  if (!process.channel) return;
  process.channel.unref();
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
}
