"""What timm on PyTorch answers for weights: the pixels of all images, pixel_values and logits of the first ten, top-1 of all.
usage: reference.py CASE.json IMAGES OUTPUT    CASE.json: {model, weights, classes, imageSize, cropRatio}
   or: reference.py CASE.json ANSWERS          top-1 for the pixels that consumers made, as JSON: {name: file of uint8 pixels, or
                                               folder of images as a consumer decoded them}"""
import json
import sys
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from safetensors.torch import load_file
from timm.data import create_transform

case = json.loads(Path(sys.argv[1]).read_text())
size = case["imageSize"]
mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
torch.set_num_threads(2)
model = timm.create_model(case["model"], num_classes=case["classes"], img_size=size).eval()
model.load_state_dict(load_file(case["weights"]))


def answers(pixels):
    """Logits for uint8 pixels [count, size, size, 3]."""
    found = []
    with torch.no_grad():
        for start in range(0, len(pixels), 10):
            found.append(model(normalised(pixels[start : start + 10])))
    return torch.cat(found)


def normalised(pixels):
    values = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    return ((values - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)).contiguous()


view = create_transform(size, is_training=False, interpolation="bicubic", crop_pct=case["cropRatio"], mean=mean, std=std)
geometry = [step for step in view.transforms if type(step).__name__ in ("Resize", "CenterCrop")]


def seen(file):
    """The pixels [size, size, 3] that the model sees of an image file."""
    image = Image.open(file).convert("RGB")
    for step in geometry:
        image = step(image)
    return np.asarray(image)


def made(path):
    if path.is_dir():
        return np.stack([seen(file) for file in sorted(path.iterdir())])
    return np.fromfile(path, "u1").reshape(-1, size, size, 3)


if len(sys.argv) == 3:
    files = json.loads(Path(sys.argv[2]).read_text())
    print(json.dumps({name: answers(made(Path(path))).argmax(1).tolist() for name, path in files.items()}))
    sys.exit()

files = sorted(Path(sys.argv[2]).iterdir())
pixels = np.stack([seen(file) for file in files])
logits = answers(pixels)
# The same as timm's own transform as a whole.
whole = view(Image.open(files[0]).convert("RGB"))
assert torch.allclose(whole, normalised(pixels[:1])[0], atol=1e-6)
out = Path(sys.argv[3])
out.mkdir(parents=True, exist_ok=True)
# The images as Pillow decodes them, in a form that all programs decode alike.
(out / "decoded").mkdir(exist_ok=True)
for file in files:
    bare = Image.fromarray(np.asarray(Image.open(file).convert("RGB")))  # no profile, which browsers would apply
    bare.save(out / "decoded" / f"{file.name}.png", compress_level=1)
pixels.tofile(out / "pixels.u8")
normalised(pixels[:10]).numpy().astype("<f4").tofile(out / "pixel_values.f32")
logits[:10].numpy().astype("<f4").tofile(out / "logits.f32")
top1 = dict(zip([f.name for f in files], logits.argmax(1).tolist()))
about = {"size": size, "classes": case["classes"], "mean": mean, "std": std, "given": 10, "top1": top1}
(out / "reference.json").write_text(json.dumps(about))
