"""Surprise's SVD: biased MF by SGD, a factorization machine of users and movies alone. It uses one thread."""
from common import *
import pandas as pd
from surprise import SVD, Dataset, Reader

table = pd.DataFrame({"u": ints("train.users"), "i": ints("train.items"), "r": floats("train.stars")})
data = Dataset.load_from_df(table, Reader(rating_scale=(0.5, 5))).build_full_trainset()
model = SVD(n_factors=RANK, n_epochs=ITERATIONS, lr_all=0.02, reg_all=0.05, random_state=1)
started = time.perf_counter()
model.fit(data)
seconds.append((time.perf_counter() - started) / ITERATIONS)
users = {data.to_raw_uid(n): n for n in range(data.n_users)}
items = {data.to_raw_iid(n): n for n in range(data.n_items)}
u = np.array([users.get(x, -1) for x in ints("test.users")])
i = np.array([items.get(x, -1) for x in ints("test.items")])
scores = data.global_mean + np.where(u >= 0, model.bu[u], 0) + np.where(i >= 0, model.bi[i], 0)
known = (u >= 0) & (i >= 0)
scores[known] += np.einsum("nf,nf->n", model.pu[u[known]], model.qi[i[known]])
save("predicted.f32", np.clip(scores, 0.5, 5))
report()
