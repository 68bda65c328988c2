"""GPT-2 124M with random weights on PyTorch and Hugging Face: the peer of ours.ts, with the same arguments and output.

The last argument may be cuda. PEER_VARIANT names other ways to train, joined by "+": bf16 (autocast to bfloat16), compile
(torch.compile, which needs a C++ compiler), tf32 (products of float32 rounded to 19 bits, as ONNX Runtime has them on CUDA).
"""
import contextlib
import json
import os
import resource
import sys
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel

task, batch, length, repeats, threads = sys.argv[1], *map(int, sys.argv[2:6])
device = sys.argv[6] if len(sys.argv) > 6 else "cpu"
variant = os.environ.get("PEER_VARIANT", "").split("+")
torch.set_num_threads(threads)
torch.manual_seed(1)
torch.backends.cuda.matmul.allow_tf32 = "tf32" in variant
sizes = {"n_embd": 64, "n_layer": 2, "n_head": 1, "n_positions": length, "vocab_size": 3416}  # of items.ts
config = GPT2Config(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, **(sizes if task == "items" else {}))
model = GPT2LMHeadModel(config).to(device)
ids = torch.tensor([(i * 7919) % config.vocab_size for i in range(batch * length)]).reshape(batch, length).to(device)
seconds, losses = [], []

if task == "product":
    a, b, c = torch.full((1024, 768), 0.5), torch.full((768, 3072), 0.5), torch.empty(1024, 3072)
    for _ in range(repeats + 1):
        start = time.perf_counter()
        torch.mm(a, b, out=c)
        seconds.append(time.perf_counter() - start)
    tokens = 2 * 1024 * 768 * 3072 / 1e9
elif task != "decode":
    model.train()
    labels = ids.clone()
    if task == "answers":  # the last quarter of each text is asked
        labels[:, : length * 3 // 4 + 1] = -100
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-4)
    forward = torch.compile(model) if "compile" in variant else model
    for _ in range(repeats + 1):
        start = time.perf_counter()
        with torch.autocast(device, torch.bfloat16) if "bf16" in variant else contextlib.nullcontext():
            loss = forward(ids, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        seconds.append(time.perf_counter() - start)
    tokens = batch * length
else:
    model.eval()
    with torch.inference_mode():
        out = model(ids, use_cache=True, logits_to_keep=1)
        token = out.logits[:, -1].argmax(-1, keepdim=True)
        for _ in range(repeats + 1):
            start = time.perf_counter()
            out = model(token, past_key_values=out.past_key_values, use_cache=True)
            token = out.logits[:, -1].argmax(-1, keepdim=True)
            seconds.append(time.perf_counter() - start)
    tokens = batch

seconds = sorted(seconds[1:])  # the first is warm-up
print(
    json.dumps(
        {
            "tokensPerSecond": tokens / seconds[len(seconds) // 2],
            "peakMB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "losses": losses,
        }
    )
)
