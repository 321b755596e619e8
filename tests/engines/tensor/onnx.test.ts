import { createOnnxEngine } from "../../../src/engines/onnx/engine.js";
import { describeEngine } from "./engine-suite.js";

describeEngine("onnx", () => createOnnxEngine({ threads: 1 }));
