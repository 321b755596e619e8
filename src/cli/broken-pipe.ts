/** What to do when nobody reads the output any more, as after `deit models | head`. */

/** The exit code that a shell reports of programs that a broken pipe has ended (128 and the signal's number). */
const brokenPipe = 141;

/** Ends the process quietly once its output has lost its reader, as other programs end. */
export function endWithReader(streams: readonly NodeJS.WriteStream[] = [process.stdout, process.stderr]): void {
  for (const stream of streams) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit(brokenPipe);
    });
  }
}
