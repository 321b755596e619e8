"""Loads exports as Python programs do. Prints one JSON line for each: the largest logit difference on given pixel_values,
and how many of the images have the same top-1 from the files; where it differs, the pixels that the program made of the
image are stored, and what it answers for the reference's pixels is told.
usage: python_consumers.py EXPORTS REFERENCE IMAGES CONSUMER...    (folders transformers, timm and onnx in EXPORTS)"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

exports, reference, images = map(Path, sys.argv[1:4])
about = json.loads((reference / "reference.json").read_text())
size, mean, std = about["size"], torch.tensor(about["mean"]), torch.tensor(about["std"])
given = torch.from_numpy(np.fromfile(reference / "pixel_values.f32", "<f4").reshape(about["given"], 3, size, size))
expected = np.fromfile(reference / "logits.f32", "<f4").reshape(about["given"], -1)
pixels = np.fromfile(reference / "pixels.u8", "u1").reshape(-1, size, size, 3)
files = sorted(images.iterdir())
torch.set_num_threads(2)


def report(consumer, model, prepare=None):
    """`model`: pixel_values to logits; `prepare`: an image to pixel_values [1, 3, size, size]."""
    with torch.no_grad():
        line = {"consumer": consumer, "difference": float(np.abs(model(given).numpy() - expected).max())}
        if prepare:
            line |= from_files(consumer, model, prepare)
    print(json.dumps(line), flush=True)


def from_files(consumer, model, prepare):
    others, made = [], []
    for start in range(0, len(files), 10):
        some = files[start : start + 10]
        batch = torch.cat([prepare(Image.open(f).convert("RGB")) for f in some])
        for file, values, k in zip(some, batch, model(batch).argmax(1).tolist()):
            if k == about["top1"][file.name]:
                continue
            exact = torch.from_numpy(pixels[files.index(file)]).permute(2, 0, 1).float() / 255
            exact = ((exact - mean.view(3, 1, 1)) / std.view(3, 1, 1))[None]
            other = {"image": file.name, "answer": k, "expected": about["top1"][file.name]}
            others.append(other | {"onReferencePixels": int(model(exact).argmax())})
            made.append(((values.permute(1, 2, 0) * std + mean) * 255).round().clamp(0, 255).byte().numpy())
    path = reference / f"{consumer.replace(' ', '-')}.u8"
    if made:
        np.stack(made).tofile(path)
    return {"images": len(files), "others": others, "pixels": str(path) if made else None}


def hugging_face():
    import transformers
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    model = AutoModelForImageClassification.from_pretrained(exports / "transformers").eval()
    processor = AutoImageProcessor.from_pretrained(exports / "transformers")
    prepare = lambda image: processor(image, return_tensors="pt")["pixel_values"]
    report(f"transformers {transformers.__version__}", lambda x: model(pixel_values=x).logits, prepare)


def timm_wrapper():
    """transformers on the folder for timm, whose model and transforms it takes from timm."""
    import transformers
    from transformers import pipeline

    classify = pipeline("image-classification", str(exports / "timm"))
    names = json.loads((exports / "timm/config.json").read_text())["label_names"]
    assert [classify.model.config.id2label[i] for i in range(len(names))] == names
    prepare = lambda image: classify.image_processor(image, return_tensors="pt")["pixel_values"]
    model = classify.model.eval()
    report(f"transformers {transformers.__version__}, timm's layout", lambda x: model(pixel_values=x).logits, prepare)


def timm_local():
    import timm

    model = timm.create_model(f"local-dir:{exports / 'timm'}", pretrained=True).eval()
    view = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    report(f"timm {timm.__version__}", model, lambda image: view(image)[None])


def openvino():
    import openvino as ov

    compiled = ov.Core().compile_model(exports / "onnx/model.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    run = lambda x: torch.from_numpy(compiled(x.numpy())[0])
    report(f"openvino {ov.__version__.split('-')[0]}", run)


def onnx_checker():
    import onnx

    for path in sorted([*exports.glob("onnx/*.onnx"), *exports.glob("huggingface-preprocessing/onnx/*.onnx")]):
        onnx.checker.check_model(str(path), full_check=True)
    print(json.dumps({"consumer": f"onnx {onnx.__version__} checker", "checked": True}), flush=True)


consumers = {"transformers": hugging_face, "wrapper": timm_wrapper, "timm": timm_local, "openvino": openvino, "onnx": onnx_checker}
for name in sys.argv[4:]:
    consumers[name]()
