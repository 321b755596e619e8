"""Milliseconds per picture of Pillow and timm's transforms on one thread.

    python peer/pictures.py make PHOTOS FOLDER          writes pictures of each kind into a folder of its name
    python peer/pictures.py read FOLDER SECONDS         decodes and transforms those of a kind

`decode` is Image.open(file).convert("RGB"); `evaluation` and `training` are that and timm's transforms to 224 pixels: resize and
centre crop, and random resized crop with flip.
"""
import glob, json, os, sys, time
from importlib.metadata import version
from PIL import Image

Image.MAX_IMAGE_PIXELS = None


def make(photos, folder):
    """Photos at their size and enlarged by bicubic interpolation, which leaves them smoother than those of a camera."""
    files = sorted(glob.glob(os.path.join(photos, "*.JPEG")))[:40]

    def write(kind, image, name, ending, **options):
        os.makedirs(os.path.join(folder, kind), exist_ok=True)
        image.save(os.path.join(folder, kind, f"{name}.{ending}"), **options)

    for i, file in enumerate(files):
        photo = Image.open(file).convert("RGB")
        usual = photo.resize((500, 375), Image.BICUBIC)
        write("PNG 500x375", usual, i, "png")
        write("WebP 500x375", usual, i, "webp", quality=85)
        write("WebP lossless 500x375", usual, i, "webp", lossless=True, method=4)
        if i < 3:
            large = photo.resize((4000, 3000), Image.BICUBIC)
            write("JPEG 12 MP", large, i, "jpg", quality=90)
            write("PNG 12 MP", large, i, "png")
        if i < 2:
            write("JPEG 50 MP", photo.resize((8192, 6144), Image.BICUBIC), i, "jpg", quality=90)


def read(folder, seconds):
    import random, timm, torch
    from timm.data import create_transform

    torch.set_num_threads(1)
    torch.manual_seed(0)
    random.seed(0)
    shared = dict(use_prefetcher=True, crop_pct=0.875)
    training = create_transform(224, is_training=True, auto_augment=None, color_jitter=None, interpolation="random", **shared)
    evaluation = create_transform(224, interpolation="bicubic", **shared)
    files = sorted(glob.glob(os.path.join(folder, "*")))
    works = {"decode": lambda image: image, "evaluation": evaluation, "training": training}
    results = {}
    for name, work in works.items():
        once = lambda: [work(Image.open(file).convert("RGB")) for file in files]
        once()
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            once()
            count += len(files)
        results[name] = 1000 * (time.perf_counter() - start) / count
    return {"milliseconds": results, "version": f"Pillow {version('pillow')}, timm {timm.__version__}"}


if sys.argv[1] == "make":
    make(sys.argv[2], sys.argv[3])
    print("{}")
else:
    print(json.dumps(read(sys.argv[2], float(sys.argv[3]))), flush=True)
    os._exit(0)
