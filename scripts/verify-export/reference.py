"""What timm on PyTorch answers for weights: pixel_values and logits of the first images, top-1 of all.
usage: reference.py MODEL WEIGHTS CLASSES IMAGES OUTPUT"""
import json
import sys
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from safetensors.torch import load_file
from timm.data import create_transform

name, weights, classes, images, output = sys.argv[1:]
torch.set_num_threads(2)
model = timm.create_model(name, num_classes=int(classes)).eval()
model.load_state_dict(load_file(weights))
view = create_transform(
    224, is_training=False, interpolation="bicubic", crop_pct=0.875, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
)
files = sorted(Path(images).iterdir())
pixels, logits = [], []
with torch.no_grad():
    for start in range(0, len(files), 10):
        batch = torch.stack([view(Image.open(f).convert("RGB")) for f in files[start : start + 10]])
        pixels.append(batch)
        logits.append(model(batch))
logits = torch.cat(logits)
out = Path(output)
out.mkdir(parents=True, exist_ok=True)
pixels[0].numpy().astype("<f4").tofile(out / "pixel_values.f32")
logits[:10].numpy().astype("<f4").tofile(out / "logits.f32")
top1 = {f.name: int(k) for f, k in zip(files, logits.argmax(1))}
(out / "reference.json").write_text(json.dumps({"shape": list(pixels[0].shape), "top1": top1}))
