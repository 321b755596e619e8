#!/usr/bin/env node
// Signals are listened to before the rest is loaded.
import "../dist/cli/output/early-signals.js";

const { start } = await import("../dist/cli/start.js");
await start(process.argv.slice(2));
