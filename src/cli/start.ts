/**
 * The process around the program: it survives the loss of its output, ends when the program has ended, and shows no
 * stack trace.
 */
import { systemReason } from "../errors/system-reason.js";
import { main, report } from "./main.js";
import { outputLost, warn, watchOutput } from "./output/output.js";

/** The exit code that a shell reports for programs ended by a broken pipe (128 + the signal's number). */
const brokenPipe = 141;
/** The exit code for files that do not exist or cannot be written. */
const unwritable = 4;
/** Milliseconds for open resources, such as connections, to close. */
const grace = 1000;

export async function start(argv: readonly string[]): Promise<void> {
  watchOutput();
  process.on("uncaughtException", (error) => process.exit(report(error)));
  const code = placeLost() ?? (await main(argv));
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exitCode = code === 0 && outputLost.aborted ? lostCode(outputLost.reason) : code;
  setTimeout(() => process.exit(), grace).unref();
}

/** Resolves when everything is written, or nothing can be. */
const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    // Listeners receive an error only after this call.
    stream.write("", () => setImmediate(resolve));
  });

/** A closed pipe is not an error; a full disk is. */
function lostCode(error: NodeJS.ErrnoException): number {
  if (error.code === "EPIPE") return brokenPipe;
  warn(`The result could not be written to standard output: ${systemReason(error, "write")}.`);
  return unwritable;
}

/** The exit code if the folder that the process was started in has been deleted. */
function placeLost(): number | undefined {
  try {
    process.cwd();
    return undefined;
  } catch {
    warn("The current folder no longer exists; change to another one.");
    return unwritable;
  }
}
