import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "tests/**/*.test.ts"],
    globalSetup: "tests/reference-notice.ts",
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Native libraries (ONNX Runtime, PJRT) must not be unloaded with a worker thread: use processes.
    pool: "forks",
    maxWorkers: 2,
  },
});
