/** Writes ONNX models as protocol buffers (field numbers from onnx.proto). */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { DType } from "../../tensor/index.js";
import type { OnnxAttribute } from "../../tensor/lowering.js";
import type { ExternalTensor, OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from "./graph.js";

/** TensorProto.DataType. */
export const dtypeCodes: Record<DType, number> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  bfloat16: 16,
};

type Write = (w: BinaryWriter) => void;

function message(w: BinaryWriter, field: number, write: Write): void {
  w.tag(field, WireType.LengthDelimited).fork();
  write(w);
  w.join();
}
const string = (w: BinaryWriter, field: number, value: string) => w.tag(field, WireType.LengthDelimited).string(value);
const int = (w: BinaryWriter, field: number, value: number) => w.tag(field, WireType.Varint).int64(value);

function writeAttribute(w: BinaryWriter, name: string, value: OnnxAttribute): void {
  string(w, 1, name);
  if ("int" in value) {
    int(w, 3, value.int);
    int(w, 20, 2);
  } else if ("float" in value) {
    w.tag(2, WireType.Bit32).float(Math.fround(value.float));
    int(w, 20, 1);
  } else if ("ints" in value) {
    for (const v of value.ints) int(w, 8, v);
    int(w, 20, 7);
  } else {
    string(w, 4, value.string);
    int(w, 20, 3);
  }
}

function writeNode(w: BinaryWriter, node: OnnxNode, name: string): void {
  for (const name of node.inputs) string(w, 1, name);
  for (const name of node.outputs) string(w, 2, name);
  string(w, 3, name);
  string(w, 4, node.type);
  for (const [name, value] of Object.entries(node.attributes)) message(w, 5, (m) => writeAttribute(m, name, value));
  if (node.domain) string(w, 7, node.domain);
}

function writeTensorType(w: BinaryWriter, { name, dtype, shape }: ExternalTensor): void {
  for (const d of shape) int(w, 1, d);
  int(w, 2, dtypeCodes[dtype]);
  string(w, 8, name);
}

function writeExternal(w: BinaryWriter, tensor: ExternalTensor): void {
  writeTensorType(w, tensor);
  message(w, 13, (entry) => {
    string(entry, 1, "location");
    string(entry, 2, tensor.name);
  });
  int(w, 14, 1); // DataLocation.EXTERNAL
}

function writeTensor(w: BinaryWriter, tensor: OnnxTensor): void {
  writeTensorType(w, tensor);
  w.tag(9, WireType.LengthDelimited).bytes(tensor.bytes);
}

function writeValueInfo(w: BinaryWriter, value: OnnxValue): void {
  string(w, 1, value.name);
  message(w, 2, (type) =>
    message(type, 1, (tensor) => {
      int(tensor, 1, dtypeCodes[value.dtype]);
      message(tensor, 2, (shape) => {
        for (const d of value.shape)
          message(shape, 1, (dim) => (typeof d === "string" ? string(dim, 2, d) : int(dim, 1, d)));
      });
    }),
  );
}

function writeSequenceInfo(w: BinaryWriter, name: string): void {
  string(w, 1, name);
  message(w, 2, (type) =>
    message(type, 4, (sequence) =>
      message(sequence, 1, (element) => message(element, 1, (tensor) => int(tensor, 1, dtypeCodes.float32))),
    ),
  );
}

/** The bytes of an `.onnx` file. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const { graph, external = [], sequences = [], irVersion, operatorSets, metadata, producerVersion } = model;
  const w = new BinaryWriter();
  int(w, 1, irVersion);
  string(w, 2, "deit");
  if (producerVersion !== undefined) string(w, 3, producerVersion);
  message(w, 7, (g) => {
    graph.nodes.forEach((node, i) => {
      message(g, 1, (m) => writeNode(m, node, `${node.type}_${i}`));
    });
    string(g, 2, graph.name);
    for (const tensor of graph.initializers) message(g, 5, (m) => writeTensor(m, tensor));
    for (const tensor of external) message(g, 5, (m) => writeExternal(m, tensor));
    for (const value of graph.inputs) message(g, 11, (m) => writeValueInfo(m, value));
    for (const name of sequences) message(g, 12, (m) => writeSequenceInfo(m, name));
    for (const value of graph.outputs) message(g, 12, (m) => writeValueInfo(m, value));
  });
  for (const set of operatorSets) {
    message(w, 8, (m) => {
      string(m, 1, set.domain);
      int(m, 2, set.version);
    });
  }
  for (const [key, value] of metadata ?? []) {
    message(w, 14, (m) => {
      string(m, 1, key);
      string(m, 2, value);
    });
  }
  return w.finish();
}
