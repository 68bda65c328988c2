"""Logits of an item GPT-2 as Hugging Face computes them; called by items-in-transformers.ts.

usage: python items-in-transformers.py FOLDER < histories.json > logits.json
needs: torch, transformers.

FOLDER is loaded with AutoTokenizer and GPT2LMHeadModel.from_pretrained, nothing else of ours. In: a list of
{"movies": [token texts], "ratings": [token texts], "fromEnd": whether positions end at the last one}, and "asked": the
token texts whose logits are wanted. Out: a list of logits per history, and the versions.
"""
import json
import sys

import torch
import transformers

torch.set_num_threads(1)
given = json.load(sys.stdin)
tokenizer = transformers.AutoTokenizer.from_pretrained(sys.argv[1])
model = transformers.GPT2LMHeadModel.from_pretrained(sys.argv[1]).eval()
asked = tokenizer.convert_tokens_to_ids(given["asked"])
assert len(set(asked)) == len(asked), "two movies have one token"
logits = []
with torch.inference_mode():
    for history in given["histories"]:
        ids = torch.tensor([tokenizer.convert_tokens_to_ids(history["movies"])])
        types = torch.tensor([tokenizer.convert_tokens_to_ids(history["ratings"])])
        last = model.config.n_positions if history["fromEnd"] else ids.shape[1]
        positions = torch.arange(last - ids.shape[1], last)[None]
        out = model(input_ids=ids, token_type_ids=types, position_ids=positions)
        logits.append(out.logits[0, -1, asked].tolist())
json.dump({"logits": logits, "torch": torch.__version__, "transformers": transformers.__version__}, sys.stdout)
