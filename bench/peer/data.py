"""Images per second of timm's data pipeline with Pillow.  python peer/data.py decode|evaluation|augmentation FOLDER WORKERS IMAGES

The transforms are timm's own, as its loader builds them when normalisation and erasing are left to the device
(use_prefetcher): uint8 images in batches of 32 leave the workers.  torch's DataLoader runs them.
"""
import json, os, sys, time
from importlib.metadata import version
from PIL import Image, ImageOps

work, folder, workers, images = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
files = sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.lower().endswith((".jpeg", ".jpg")))
versions = f"Pillow {version('pillow')}"

if work == "decode":
    def read(i):
        with open(files[i % len(files)], "rb") as file:
            Image.open(file).convert("RGB")

    for i in range(len(files)):
        read(i)
    start = time.perf_counter()
    for i in range(images):
        read(i)
    seconds = time.perf_counter() - start
else:
    import timm, torch
    from timm.data import create_transform
    from timm.data.loader import fast_collate

    versions += f", timm {timm.__version__}, torch {torch.__version__}"
    # Pillow 13 refuses to keep no bits, which timm's policy may ask for; it used to answer with black.
    posterize = ImageOps.posterize
    ImageOps.posterize = lambda image, bits: posterize(image, bits) if bits > 0 else image.point(lambda _: 0)
    training = dict(is_training=True, color_jitter=0.3, auto_augment="rand-m9-mstd0.5-inc1", re_prob=0.25, re_mode="pixel")
    transform = create_transform(224, use_prefetcher=True, interpolation="bicubic", crop_pct=0.875,
                                 **(training if work == "augmentation" else {}))

    class Files(torch.utils.data.Dataset):
        def __len__(self):
            return len(files)

        def __getitem__(self, i):
            with open(files[i], "rb") as file:
                return transform(Image.open(file).convert("RGB")), 0

    def orders():
        while True:
            yield from torch.randperm(len(files)).tolist()

    torch.set_num_threads(1)
    loader = torch.utils.data.DataLoader(Files(), 32, sampler=orders(), num_workers=workers, collate_fn=fast_collate)
    batches, warm, count, start = iter(loader), 2 * len(files) * max(1, workers), 0, None
    for batch, _ in batches:
        assert batch.dtype == torch.uint8 and batch.shape[1:] == (3, 224, 224)
        if warm > 0:
            warm -= len(batch)
            if warm <= 0:
                start = time.perf_counter()
        else:
            count += len(batch)
            if count >= images:
                break
    seconds = (time.perf_counter() - start) * images / count
print(json.dumps({"imagesPerSecond": images / seconds, "version": versions}), flush=True)
os._exit(0)
