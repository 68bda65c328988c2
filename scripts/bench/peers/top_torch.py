"""A matrix product and topk of PyTorch, in blocks of 1,024 users, seen movies masked."""
from common import *
import torch

torch.set_num_threads(THREADS)
seen = train_matrix(1)
users = torch.from_numpy(floats("users").reshape(-1, RANK))
items = torch.from_numpy(floats("items").reshape(-1, RANK))
lists = []
with timed():
    for at in range(0, len(users), 1024):
        block = seen[at : at + 1024].tocoo()
        scores = users[at : at + 1024] @ items.T
        scores[torch.from_numpy(block.row).long(), torch.from_numpy(block.col).long()] = -torch.inf
        lists.append(torch.topk(scores, 10).indices)
save("lists.i32", torch.cat(lists).numpy(), np.int32)
report()
