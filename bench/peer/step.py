"""timm's forward pass or full training step, timed.  python peer/step.py MODEL BATCH forward|step eager|compile|bf16 ITERATIONS
MODEL is timm's name, or regnety: our default RegNetY for images of 32 pixels, put together from timm's stages."""
import contextlib, json, resource, sys, time
import timm, torch
from torch.utils.flop_counter import FlopCounterMode

name, batch, work, mode, iterations = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])
torch.manual_seed(0)


def small_regnety():
    from timm.layers import ClassifierHead, ConvNormAct
    from timm.models.regnet import RegStage, generate_regnet

    widths, _, _ = generate_regnet(18, 32, 2, 6, 16)
    parts, width = [ConvNormAct(3, 32, 3, stride=1)], 32
    for stage in sorted(set(widths)):
        depth = widths.count(stage)
        sizes = dict(bottle_ratio=1.0, group_size=16, se_ratio=0.25, drop_path_rates=[0.0] * depth)
        parts.append(RegStage(depth=depth, in_chs=width, out_chs=stage, stride=2, dilation=1, **sizes))
        width = stage
    return torch.nn.Sequential(*parts, ClassifierHead(width, 1000))


model, size = (small_regnety(), 32) if name == "regnety" else (timm.create_model(name), 224)
x, y = torch.randn(batch, 3, size, size), torch.randint(0, 1000, (batch,))
run = torch.compile(model) if mode == "compile" else model
cast = lambda: torch.autocast("cpu", torch.bfloat16) if mode == "bf16" else contextlib.nullcontext()
if work == "forward":
    model.eval()

    def once(call):
        with torch.inference_mode(), cast():
            call(x)
else:
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)

    def once(call):
        with cast():
            loss = torch.nn.functional.cross_entropy(call(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

times = []
for _ in range(iterations + 2):
    start = time.perf_counter()
    once(run)
    times.append(time.perf_counter() - start)
times = sorted(times[2:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
with FlopCounterMode(display=False) as counter:
    once(model)
print(json.dumps({"imagesPerSecond": batch / times[0], "median": batch / times[len(times) // 2], "peakMiB": peak,
                  "gflops": counter.get_total_flops() / times[0] / 1e9,
                  "version": f"torch {torch.__version__}, timm {timm.__version__}"}))
