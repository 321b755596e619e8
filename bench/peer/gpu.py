"""timm with torch.compile and AMP in bfloat16, the device kept busy; the best of three measurements.  python peer/gpu.py MODEL BATCH forward|step ITERATIONS cuda|cpu"""
import json, sys, time
import timm, torch
from torch.utils.flop_counter import FlopCounterMode

name, batch, work, iterations, device = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5]
torch.manual_seed(0)
torch.set_float32_matmul_precision("high")
model = timm.create_model(name).to(device)
x = torch.randn(batch, 3, 224, 224, device=device)
y = torch.randint(0, 1000, (batch,), device=device)
wait = torch.cuda.synchronize if device == "cuda" else lambda: None
if work == "forward":
    model.eval()

    def once(call):
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16):
            call(x)
else:
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, fused=device == "cuda")

    def once(call):
        with torch.autocast(device, torch.bfloat16):
            loss = torch.nn.functional.cross_entropy(call(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

compiled = torch.compile(model)
begin = time.perf_counter()
for _ in range(3):
    once(compiled)
wait()
compile_seconds = time.perf_counter() - begin
times = []
for _ in range(3):
    start = time.perf_counter()
    for _ in range(iterations):
        once(compiled)
    wait()
    times.append((time.perf_counter() - start) / iterations)
seconds = min(times)
with FlopCounterMode(display=False) as counter:
    once(model)
print(json.dumps({"imagesPerSecond": batch / seconds, "gflops": counter.get_total_flops() / seconds / 1e9,
                  "times": times, "compileSeconds": compile_seconds,
                  "card": torch.cuda.get_device_name() if device == "cuda" else "this machine's CPU",
                  "version": f"torch {torch.__version__}, timm {timm.__version__}"}))
