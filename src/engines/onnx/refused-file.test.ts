import { expect, it } from "vitest";
import { EngineError } from "../../errors/errors.js";
import { refusedFile } from "./refused-file.js";

/** Messages of ONNX Runtime 1.24. */
it.each([
  [
    "Load model from /x/a.onnx failed:/onnxruntime_src/onnxruntime/core/graph/model.cc:187 onnxruntime::Model::Model(onnx::ModelProto&&, const onnxruntime::PathString&, const onnxruntime::IOnnxRuntimeOpSchemaRegistryList*, const onnxruntime::logging::Logger&, const onnxruntime::ModelOptions&) ModelProto does not have a graph.\n",
    "ModelProto does not have a graph",
  ],
  [
    "Load model from /x/a.onnx failed:/onnxruntime_src/onnxruntime/core/graph/model_load_utils.h:46 void onnxruntime::model_load_utils::ValidateOpsetForDomain(const std::unordered_map<std::__cxx11::basic_string<char>, int>&, const onnxruntime::logging::Logger&, bool, const std::string&, int) ONNX Runtime only *guarantees* support for official opset versions. Opset 99 is under development.\n",
    "ONNX Runtime only *guarantees* support for official opset versions. Opset 99 is under development",
  ],
  [
    'Load model from /x/a.onnx failed:This is an invalid model. In Node, ("", Foo, "my.ops", -1) : ("raw": tensor(float),), Error No opset import for domain \'my.ops\'',
    'This is an invalid model. In Node, ("", Foo, "my.ops", -1) : ("raw": tensor(float),), Error No opset import for domain \'my.ops\'',
  ],
])("leaves out the places in ONNX Runtime's own source", (words, reason) => {
  const error = refusedFile("/x/a.onnx", new EngineError("It failed.", { cause: words })) as Error;
  expect(error.message).toBe(
    `ONNX Runtime cannot open "/x/a.onnx": ${reason}; export the model again, or get the file again.`,
  );
});
