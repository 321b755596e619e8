"""timm's forward pass or full training step, timed.  python peer/step.py MODEL BATCH forward|step eager|compile|bf16 ITERATIONS"""
import contextlib, json, resource, sys, time
import timm, torch
from torch.utils.flop_counter import FlopCounterMode

name, batch, work, mode, iterations = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])
torch.manual_seed(0)
model = timm.create_model(name)
x, y = torch.randn(batch, 3, 224, 224), torch.randint(0, 1000, (batch,))
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
