#!/usr/bin/env node
// Node waits for files in threads that all of the process shares, four by default: too few for storage that answers
// slowly. Their number counts when they are first used, which is when an ES module is loaded: hence CommonJS.
process.env.UV_THREADPOOL_SIZE ??= "64";

async function run() {
  // Signals are listened to before the rest is loaded.
  await import("../dist/cli/output/early-signals.js");
  const { start } = await import("../dist/cli/start.js");
  await start(process.argv.slice(2));
}

run();
