"""A server as one writes it in Python: FastAPI, Pillow, timm. POST an image to /classify; --batch 1 runs each alone."""
import argparse
import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import timm
import torch
import uvicorn
from fastapi import FastAPI, Request
from PIL import Image
from safetensors.torch import load_file

parser = argparse.ArgumentParser()
parser.add_argument("--model", default="deit_tiny_patch16_224")
parser.add_argument("--weights", required=True)
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--delay", type=float, default=5, help="milliseconds")
parser.add_argument("--port", type=int, required=True)
options = parser.parse_args()

model = timm.create_model(options.model)
model.load_state_dict(load_file(options.weights))
model.eval()
transform = timm.data.create_transform(**timm.data.resolve_data_config({}, model=model))
# One thread runs the model, as many as torch chooses compute; others decode.
running, decoding = ThreadPoolExecutor(1), ThreadPoolExecutor()
waiting: asyncio.Queue = asyncio.Queue()


def decode(content):
    return transform(Image.open(io.BytesIO(content)).convert("RGB"))


@torch.inference_mode()
def classify(images):
    return torch.topk(model(torch.stack(images)).softmax(-1), 5)


async def run_batches():
    loop = asyncio.get_running_loop()
    while True:
        batch = [await waiting.get()]
        end = loop.time() + options.delay / 1000
        while len(batch) < options.batch:
            try:
                batch.append(await asyncio.wait_for(waiting.get(), max(0, end - loop.time())))
            except asyncio.TimeoutError:
                break
        scores, indices = await loop.run_in_executor(running, classify, [image for image, _ in batch])
        for (_, answer), score, index in zip(batch, scores.tolist(), indices.tolist()):
            answer.set_result([{"index": i, "score": s} for i, s in zip(index, score)])


@asynccontextmanager
async def life(app):
    task = asyncio.create_task(run_batches())
    yield
    task.cancel()


app = FastAPI(lifespan=life)


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.post("/classify")
async def post(request: Request):
    loop = asyncio.get_running_loop()
    image = await loop.run_in_executor(decoding, decode, await request.body())
    answer = loop.create_future()
    await waiting.put((image, answer))
    return {"predictions": await answer}


uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")
