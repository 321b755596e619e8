/** The ONNX model of an export: its graph with the version of its operators, and what describes it. */
import { checkpointMetadata } from "../../evaluation/checkpoint-metadata.js";
import { onnxMetadata } from "../../evaluation/onnx-file/metadata-keys.js";
import { writeSavedView } from "../../evaluation/saved-view.js";
import type { OnnxGraph, OnnxModel, OperatorSet } from "../../formats/onnx/graph.js";
import { version } from "../../system/version.js";
import type { PortableSource } from "../source.js";
import { standardOperators } from "./portable.js";

/** Version of the file format that belongs to ONNX 17. */
const irVersion = 8;

/** The model with the metadata of its source: classes, preprocessing, origin. */
export function modelFile(
  source: PortableSource,
  graph: OnnxGraph,
  {
    operators = standardOperators,
    more = [],
    preprocesses = false,
  }: {
    readonly operators?: number;
    readonly more?: readonly OperatorSet[];
    /** Whether the graph takes whole images. */
    readonly preprocesses?: boolean;
  } = {},
): OnnxModel {
  return {
    ...{ graph, irVersion, operatorSets: [{ domain: "", version: operators }, ...more] },
    ...{ producerVersion: version, metadata: metadataOf(source, preprocesses) },
  };
}

/** `metadata_props`: values other than names are JSON. */
function metadataOf(
  { model, view, classes, name, head, training, license }: PortableSource,
  preprocesses: boolean,
): ReadonlyMap<string, string> {
  const entries: readonly (readonly [string, string | undefined])[] = [
    [checkpointMetadata.model, model.name],
    [checkpointMetadata.config, JSON.stringify(model.config)],
    [onnxMetadata.imageSize, JSON.stringify(view.imageSize)],
    [onnxMetadata.normalization, JSON.stringify(view.normalization)],
    [onnxMetadata.view, writeSavedView(view)],
    [onnxMetadata.classes, classes && JSON.stringify(classes)],
    [onnxMetadata.preprocesses, preprocesses ? "true" : undefined],
    ["deit.head", head],
    ["deit.source", name],
    ["deit.recipe", training && JSON.stringify(training.settings)],
    ["deit.results", training?.result && JSON.stringify(training.result)],
    ["license", license],
  ];
  return new Map(entries.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
}
