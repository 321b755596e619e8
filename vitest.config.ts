import { configDefaults, defineConfig } from "vitest/config";

// The folder of a test decides its group (CONTRIBUTING.md): beside the source "unit", under tests/engines "engines", else
// under tests "integration".
const group = (name: string, include: string, settings: object = {}) => ({
  extends: true as const,
  test: { name, include: [include], ...settings },
});

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Native libraries (ONNX Runtime, PJRT) must not be unloaded with a worker thread: use processes.
    pool: "forks",
    maxWorkers: 2,
    projects: [
      // Without a module graph for each file: loading it anew takes longer than the tests.
      group("unit", "src/**/*.test.ts", { isolate: false }),
      group("engines", "tests/engines/**/*.test.ts", { globalSetup: "tests/setup/reference-notice.ts" }),
      group("integration", "tests/**/*.test.ts", {
        globalSetup: "tests/setup/reference-notice.ts",
        exclude: [...configDefaults.exclude, "tests/engines/**"],
      }),
    ],
  },
});
