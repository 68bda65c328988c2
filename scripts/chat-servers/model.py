"""A llama of 4.5 MB whose weights spell one fixed answer at temperature 0: bigrams over one-hot embeddings.

usage: model.py OUT.gguf TITLES.txt   (needs gguf and numpy; the same bytes each time)
"""

import sys

import gguf
import numpy as np

END_OF_MESSAGE = 4
LAYERS, HEADS, FEED_FORWARD = 2, 4, 64

out = sys.argv[1]
with open(sys.argv[2], encoding="utf-8") as file:
    titles = [line.rstrip("\n") for line in file]

kinds = gguf.TokenType
tokens = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
types = [kinds.UNKNOWN] + [kinds.CONTROL] * 4
first_byte = len(tokens)
for byte in range(256):
    tokens.append(f"<0x{byte:02X}>")
    types.append(kinds.BYTE)


def add_token(text):
    tokens.append(text.replace(" ", "\u2581"))
    types.append(kinds.NORMAL)
    return len(tokens) - 1


add_token(" ")
following = {}
last = first_byte + ord("\n")  # the prompt ends with a line break
for n, title in enumerate(titles):
    opening = '{"recommendations":[{"title":"' if n == 0 else f'","reason":"reason number {n}"}},{{"title":"'
    for text in (opening, title):
        token = add_token(text)
        following[last] = token
        last = token
closing = add_token(f'","reason":"reason number {len(titles)}"}}]}}')
following[last] = closing
following[closing] = END_OF_MESSAGE

vocabulary = len(tokens)
width = -(-vocabulary // 64) * 64

writer = gguf.GGUFWriter(out, "llama")
writer.add_name("tiny")
writer.add_context_length(32768)
writer.add_embedding_length(width)
writer.add_block_count(LAYERS)
writer.add_feed_forward_length(FEED_FORWARD)
writer.add_head_count(HEADS)
writer.add_head_count_kv(HEADS)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_dimension_count(width // HEADS)
writer.add_vocab_size(vocabulary)
writer.add_file_type(gguf.LlamaFileType.ALL_F32)
writer.add_tokenizer_model("llama")
writer.add_tokenizer_pre("default")
writer.add_token_list([token.encode() for token in tokens])
writer.add_token_scores([-1.0 if kind == kinds.NORMAL else 0.0 for kind in types])
writer.add_token_types([int(kind) for kind in types])
writer.add_bos_token_id(1)
writer.add_eos_token_id(END_OF_MESSAGE)
writer.add_unk_token_id(0)
writer.add_add_bos_token(True)
writer.add_add_space_prefix(False)
writer.add_chat_template(
    "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{'<|im_start|>assistant\\n'}}{% endif %}"
)


def zeros(*shape):
    return np.zeros(shape, np.float32)


embedding = zeros(vocabulary, width)
embedding[np.arange(vocabulary), np.arange(vocabulary)] = 1
head = zeros(vocabulary, width)
for token, successor in following.items():
    head[successor, token] = 2.0
writer.add_tensor("token_embd.weight", embedding)
writer.add_tensor("output.weight", head)
writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
for layer in range(LAYERS):
    prefix = f"blk.{layer}."
    for norm in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"{prefix}{norm}.weight", np.ones(width, np.float32))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        writer.add_tensor(f"{prefix}{name}.weight", zeros(width, width))
    for name in ("ffn_gate", "ffn_up"):
        writer.add_tensor(f"{prefix}{name}.weight", zeros(FEED_FORWARD, width))
    writer.add_tensor(f"{prefix}ffn_down.weight", zeros(width, FEED_FORWARD))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
