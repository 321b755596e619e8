"""A Keras file (HDF5) with a MobileNet as TensorFlow.js layers.  python peer/mobilenet-to-tfjs.py FILE.h5 FOLDER

Writes model.json and weights.bin of the first model within the file, which may be a classifier built on it; its output are
the features before global pooling.  Needs h5py.
"""
import json, os, sys
import h5py, numpy as np

path, folder = sys.argv[1:]
file = h5py.File(path)
whole = json.loads(file.attrs["model_config"])
inner = next((one for one in whole["config"]["layers"] if "layers" in one["config"]), whole)
name, layers = inner["config"]["name"], inner["config"]["layers"]
stored = file["model_weights"][name] if inner is not whole else file["model_weights"]

kept = {"name", "filters", "kernel_size", "strides", "padding", "use_bias", "depth_multiplier", "axis", "epsilon", "momentum",
        "center", "scale", "max_value", "batch_input_shape", "activation"}


def before(layer):
    """Names of the layers whose outputs it reads, as Keras 2 and 3 write them."""
    found = []
    def visit(value):
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            found.append(value["config"]["keras_history"][0])
        elif isinstance(value, dict):
            [visit(one) for one in value.values()]
        elif isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str) and isinstance(value[1], int):
            found.append(value[0])
        elif isinstance(value, list):
            [visit(one) for one in value]
    visit(layer["inbound_nodes"])
    return found


def plain(layer):
    config = {key: value for key, value in layer["config"].items() if key in kept and not isinstance(value, dict)}
    if layer["class_name"] == "InputLayer":
        config["batch_input_shape"] = layer["config"].get("batch_shape") or layer["config"].get("batch_input_shape")
    reads = before(layer)
    return {"class_name": layer["class_name"], "name": layer["config"]["name"], "config": config | {"trainable": False},
            "inbound_nodes": [[[one, 0, 0, {}] for one in reads]] if reads else []}


arrays = {}
def collect(name, item):
    if isinstance(item, h5py.Dataset):
        arrays["/".join(name.replace(":0", "").split("/")[-2:])] = np.asarray(item, dtype="<f4")
stored.visititems(collect)
config = [plain(layer) for layer in layers]
ends = [layers[0]["config"]["name"], layers[-1]["config"]["name"]]
model = {"class_name": "Model", "config": {"name": "features", "layers": config,
         "input_layers": [[ends[0], 0, 0]], "output_layers": [[ends[1], 0, 0]]}}
kinds = {layer["config"]["name"]: layer["class_name"] for layer in layers}


def as_here(key):
    """TensorFlow.js' name of a weight, which Keras 3 changed."""
    layer, weight = key.split("/")
    return f"{layer}/depthwise_kernel" if kinds[layer] == "DepthwiseConv2D" and weight == "kernel" else key


arrays = {as_here(key): value for key, value in arrays.items() if key.split("/")[0] in kinds}
os.makedirs(folder, exist_ok=True)
manifest = [{"paths": ["weights.bin"], "weights": [{"name": key, "shape": list(value.shape), "dtype": "float32"}
                                                     for key, value in arrays.items()]}]
with open(os.path.join(folder, "weights.bin"), "wb") as out:
    for value in arrays.values():
        out.write(value.tobytes())
with open(os.path.join(folder, "model.json"), "w") as out:
    json.dump({"format": "layers-model", "modelTopology": {"keras_version": "2.15.0", "backend": "tensorflow",
               "model_config": model}, "weightsManifest": manifest}, out)
print(f"{len(config)} layers, {len(arrays)} tensors, images of {config[0]['config']['batch_input_shape'][1]} pixels")
