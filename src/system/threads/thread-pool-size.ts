/** The threads in which Node waits for files, shared by all threads of the process. */

/** Their number: that of the environment when the process started, or Node's default. */
export function threadPoolSize(env: NodeJS.ProcessEnv = process.env): number {
  const given = Number(env.UV_THREADPOOL_SIZE);
  return Number.isInteger(given) && given > 0 ? Math.min(given, 1024) : 4;
}
