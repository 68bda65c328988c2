"""LensKit's implicit ALS, which solves each row exactly. Confidence of a rating: 1 + weight."""
from common import *
import pandas as pd
from lenskit.als import ImplicitMFScorer
from lenskit.data import from_interactions_df
from lenskit.training import TrainingOptions

n = counts()
table = pd.DataFrame({"user_id": ints("train.users"), "item_id": ints("train.items")})
data = from_interactions_df(table)
model = ImplicitMFScorer(
    embedding_size=RANK, epochs=ITERATIONS, regularization=REGULARIZATION, weight=CONFIDENCE - 1, use_ratings=False
)
loop = model.training_loop(data, TrainingOptions(rng=1))
while True:
    started = time.perf_counter()
    if next(loop, "end") == "end":
        break
    seconds.append(time.perf_counter() - started)
for name, ids, size, factors in [
    ("users.f32", data.users.ids(), n["users"], model.user_embeddings),
    ("items.f32", data.items.ids(), n["items"], model.item_embeddings),
]:
    whole = np.zeros((size, RANK), dtype=np.float32)
    whole[np.asarray(ids)] = np.asarray(factors)
    save(name, whole)
report()
