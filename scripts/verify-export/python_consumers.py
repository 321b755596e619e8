"""Loads exports as Python programs do, and prints one JSON line for each: largest logit difference on given pixel_values, and
top-1 from the images.
usage: python_consumers.py EXPORTS REFERENCE IMAGES    (folders transformers, timm and onnx in EXPORTS)"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

exports, reference, images = map(Path, sys.argv[1:])
about = json.loads((reference / "reference.json").read_text())
pixels = torch.from_numpy(np.fromfile(reference / "pixel_values.f32", "<f4").reshape(about["shape"]))
expected = np.fromfile(reference / "logits.f32", "<f4").reshape(len(pixels), -1)
files = sorted(images.iterdir())


def report(consumer, logits, top1=None):
    same = None if top1 is None else sum(about["top1"][name] == k for name, k in top1.items())
    difference = float(np.abs(logits.numpy() - expected).max())
    print(json.dumps({"consumer": consumer, "difference": difference, "same": same, "images": len(files)}), flush=True)


def decided(model, prepare):
    found = {}
    with torch.no_grad():
        for start in range(0, len(files), 10):
            some = files[start : start + 10]
            batch = torch.cat([prepare(Image.open(f).convert("RGB")) for f in some])
            found |= {f.name: int(k) for f, k in zip(some, model(batch).argmax(1))}
    return found


import transformers
from transformers import AutoImageProcessor, AutoModelForImageClassification

model = AutoModelForImageClassification.from_pretrained(exports / "transformers").eval()
processor = AutoImageProcessor.from_pretrained(exports / "transformers")
with torch.no_grad():
    logits = model(pixel_values=pixels).logits
report(
    f"transformers {transformers.__version__} ({type(model).__name__})",
    logits,
    decided(lambda x: model(pixel_values=x).logits, lambda im: processor(im, return_tensors="pt")["pixel_values"]),
)

import timm

model = timm.create_model(f"local-dir:{exports / 'timm'}", pretrained=True).eval()
view = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
with torch.no_grad():
    logits = model(pixels)
report(f"timm {timm.__version__}", logits, decided(model, lambda im: view(im)[None]))

try:
    import onnx
except ImportError:
    print(json.dumps({"consumer": "onnx checker", "skipped": "the package onnx is not installed"}))
else:
    for path in sorted((exports / "onnx").glob("*.onnx")):
        onnx.checker.check_model(str(path), full_check="q4" not in path.name)
    print(json.dumps({"consumer": f"onnx {onnx.__version__} checker", "difference": 0, "same": None}))
