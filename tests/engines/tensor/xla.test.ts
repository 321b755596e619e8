import { createXlaEngine } from "../../../src/engines/xla/engine.js";
import { describeWithXla } from "../../setup/xla.js";
import { describeEngine } from "./engine-suite.js";

describeEngine("xla", () => createXlaEngine({ plugin: "cpu", cache: false }), describeWithXla);
