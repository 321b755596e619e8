/** The process around the program: it outlives its output, ends when the program has ended, and shows no stack. */
import { systemReason } from "../errors/system-reason.js";
import { main, report } from "./main.js";
import { outputLost, warn, watchOutput } from "./output/output.js";

/** The exit code that a shell reports of programs that a broken pipe has ended (128 and the signal's number). */
const brokenPipe = 141;
/** That of files that are not there or cannot be written. */
const unwritable = 4;
/** Milliseconds that what is still open, such as a connection, may take to close. */
const grace = 1000;

export async function start(argv: readonly string[]): Promise<void> {
  watchOutput();
  process.on("uncaughtException", (error) => process.exit(report(error)));
  const code = placeLost() ?? (await main(argv));
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exitCode = code === 0 && outputLost.aborted ? lostCode(outputLost.reason) : code;
  setTimeout(() => process.exit(), grace).unref();
}

/** When everything is written, or nothing can be. */
const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    // An error is told to listeners only after this call.
    stream.write("", () => setImmediate(resolve));
  });

/** A reader that has left wants to hear nothing; a full disk is an error. */
function lostCode(error: NodeJS.ErrnoException): number {
  if (error.code === "EPIPE") return brokenPipe;
  warn(`The result could not be written to standard output: ${systemReason(error, "write")}.`);
  return unwritable;
}

/** The exit code where the folder that the process was started in has been deleted. */
function placeLost(): number | undefined {
  try {
    process.cwd();
    return undefined;
  } catch {
    warn("The current folder no longer exists; change to another one.");
    return unwritable;
  }
}
