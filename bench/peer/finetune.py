"""The fine-tuning of bench/cifar10/fine-tuning.sh by timm: the same weights, images, views, steps and rates.
python peer/finetune.py DATA WEIGHTS EPOCHS SIZE SEED [TRAINED all|head|last-N]
DATA holds train/ and test/ with a folder of images per class. Prints one JSON line per epoch and one at the end.
"""
import json, sys, time
import safetensors.torch, timm, torch
from timm.data import create_dataset, create_loader
from timm.loss import LabelSmoothingCrossEntropy
from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler

data, weights, epochs, size, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
trained = sys.argv[6] if len(sys.argv) > 6 else "all"
batch, rate, decay, lowest, warmup = 32, 3e-4, 0.85, 1e-6, 1
torch.manual_seed(seed)


def main():
    train, test = (create_dataset("", root=data, split=part) for part in ("train", "test"))
    classes = len(train.reader.class_to_idx)
    model = timm.create_model("deit_tiny_patch16_224", img_size=size, num_classes=classes)
    state = safetensors.torch.load_file(weights)
    state = timm.models.vision_transformer.checkpoint_filter_fn(state, model)
    model.load_state_dict({k: v for k, v in state.items() if not k.startswith("head")}, strict=False)
    if trained != "all":
        for parameter in model.parameters():
            parameter.requires_grad = False
        last = int(trained.removeprefix("last-")) if trained != "head" else 0
        for part in [model.head, *([model.norm, *model.blocks[len(model.blocks) - last:]] if last else [])]:
            for parameter in part.parameters():
                parameter.requires_grad = True
    views = dict(input_size=(3, size, size), use_prefetcher=False, interpolation="bicubic", num_workers=1,
                 mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    loader = create_loader(train, batch_size=batch, is_training=True, scale=(0.6, 1), hflip=0.5, color_jitter=None,
                           auto_augment=None, re_prob=0, **views)
    evaluation = create_loader(test, batch_size=64, is_training=False, crop_pct=0.9, **views)
    optimizer = create_optimizer_v2(model, opt="adamw", lr=rate, weight_decay=0.05, layer_decay=decay)
    steps = len(loader)
    schedule = CosineLRScheduler(optimizer, t_initial=epochs * steps, lr_min=lowest, warmup_t=warmup * steps,
                                 warmup_lr_init=1e-6, warmup_prefix=False, t_in_epochs=False)
    loss_of = LabelSmoothingCrossEntropy(0.1)
    step, began = 0, time.perf_counter()
    for epoch in range(epochs):
        model.train()
        start, total = time.perf_counter(), 0.0
        for x, y in loader:
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            schedule.step_update(step)
            total += loss.item()
        print(json.dumps({"epoch": epoch + 1, "loss": total / steps, "seconds": time.perf_counter() - start}), flush=True)
    trainSeconds = time.perf_counter() - began
    model.eval()
    right = 0
    with torch.inference_mode():
        for x, y in evaluation:
            right += (model(x).argmax(1) == y).sum().item()
    print(json.dumps({"top1": 100 * right / len(test), "trainSeconds": trainSeconds,
                      "version": f"torch {torch.__version__}, timm {timm.__version__}"}))


if __name__ == "__main__":
    main()
