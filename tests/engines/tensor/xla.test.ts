import { createXlaEngine } from "../../../src/engines/xla/engine.js";
import { installPlugin } from "../../../src/engines/xla/plugins/store.js";
import { describeEngine } from "./engine-suite.js";

describeEngine("xla", async () => {
  await installPlugin("cpu");
  return createXlaEngine({ plugin: "cpu", cache: false });
});
