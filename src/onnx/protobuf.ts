/** The part of ONNX's protobuf schema (onnx/onnx.proto, IR version 10) that our models use. */
import protobuf from 'protobufjs/light.js';

/** Fields as `name: [number, type]`, `name[]` when repeated. */
const messages: Record<string, Record<string, [number, string]>> = {
  ModelProto: { irVersion: [1, 'int64'], graph: [7, 'GraphProto'], 'opsetImport[]': [8, 'OperatorSet'] },
  OperatorSet: { domain: [1, 'string'], version: [2, 'int64'] },
  GraphProto: {
    'node[]': [1, 'NodeProto'],
    name: [2, 'string'],
    'initializer[]': [5, 'TensorProto'],
    'input[]': [11, 'ValueInfo'],
    'output[]': [12, 'ValueInfo'],
  },
  NodeProto: {
    'input[]': [1, 'string'],
    'output[]': [2, 'string'],
    name: [3, 'string'],
    opType: [4, 'string'],
    'attribute[]': [5, 'AttributeProto'],
    domain: [7, 'string'],
  },
  AttributeProto: {
    name: [1, 'string'],
    f: [2, 'float'],
    i: [3, 'int64'],
    s: [4, 'bytes'],
    'ints[]': [8, 'int64'],
    type: [20, 'AttributeType'],
  },
  TensorProto: { 'dims[]': [1, 'int64'], dataType: [2, 'int32'], name: [8, 'string'], rawData: [9, 'bytes'] },
  ValueInfo: { name: [1, 'string'], type: [2, 'TypeProto'] },
  TypeProto: { tensorType: [1, 'TensorType'], sequenceType: [4, 'SequenceType'] },
  SequenceType: { elemType: [1, 'TypeProto'] },
  TensorType: { elemType: [1, 'int32'], shape: [2, 'TensorShape'] },
  TensorShape: { 'dim[]': [1, 'Dimension'] },
  Dimension: { dimValue: [1, 'int64'] },
};

const root = new protobuf.Root();
root.add(new protobuf.Enum('AttributeType', { FLOAT: 1, INT: 2, STRING: 3, INTS: 7 }));
for (const [name, fields] of Object.entries(messages)) {
  const type = new protobuf.Type(name);
  for (const [field, [id, of]] of Object.entries(fields)) {
    const repeated = field.endsWith('[]');
    type.add(new protobuf.Field(field.replace('[]', ''), id, of, repeated ? 'repeated' : undefined));
  }
  root.add(type);
}
const model = root.lookupType('ModelProto');

/** A ModelProto, in the object form that `messages` describes, as bytes. */
export function encodeModel(value: Record<string, unknown>): Uint8Array {
  return model.encode(model.fromObject(value)).finish();
}
