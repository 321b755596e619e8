"""PyTorch's fastest matrix product.  python peer/peak.py float32|bfloat16 [cpu|cuda]"""
import json, sys, time
import torch

dtype = getattr(torch, sys.argv[1])
device = sys.argv[2] if len(sys.argv) > 2 else "cpu"
sizes = [(1024, 1024, 1024), (1576, 192, 768), (1576, 768, 192), (1576, 384, 1536)]
if device == "cuda":
    sizes = [(8192, 8192, 8192), (50432, 768, 3072)]
best = 0
with torch.inference_mode():
    for m, k, n in sizes:
        a, b = torch.rand(m, k, device=device, dtype=dtype), torch.rand(n, k, device=device, dtype=dtype)
        for _ in range(25):
            if device == "cuda":
                torch.cuda.synchronize()
            start = time.perf_counter()
            for _ in range(4):
                torch.nn.functional.linear(a, b)
            if device == "cuda":
                torch.cuda.synchronize()
            best = max(best, 8 * m * k * n / (time.perf_counter() - start) / 1e9)
print(json.dumps({"peakGflops": best}))
