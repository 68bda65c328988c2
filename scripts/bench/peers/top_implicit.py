"""implicit's recommend, in batches of 4,096 users."""
from common import *
from implicit.cpu.als import AlternatingLeastSquares

seen = train_matrix(1)
model = AlternatingLeastSquares(factors=RANK, num_threads=THREADS)
model.user_factors = floats("users").reshape(-1, RANK)
model.item_factors = floats("items").reshape(-1, RANK)
users = np.arange(seen.shape[0])
with timed():
    lists = np.concatenate([
        model.recommend(users[at : at + 4096], seen[at : at + 4096], N=10, filter_already_liked_items=True)[0]
        for at in range(0, len(users), 4096)
    ])
save("lists.i32", lists, np.int32)
report()
