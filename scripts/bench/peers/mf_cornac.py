"""cornac's MF: biased MF by SGD, a factorization machine of users and movies alone. Its threads write without locks."""
from common import *
from cornac.data import Dataset
from cornac.models import MF

users, items, stars = ints("train.users"), ints("train.items"), floats("train.stars")
data = Dataset.build(zip(users.tolist(), items.tolist(), stars.tolist()), seed=1)
options = {"k": RANK, "learning_rate": 0.02, "lambda_reg": 0.05, "use_bias": True, "early_stop": False}
MF(max_iter=1, num_threads=THREADS, seed=1, **options).fit(data)  # first factors and threads
model = MF(max_iter=ITERATIONS, num_threads=THREADS, seed=1, **options)
started = time.perf_counter()
model.fit(data)
seconds.append((time.perf_counter() - started) / ITERATIONS)
u = np.array([data.uid_map.get(x, -1) for x in ints("test.users").tolist()])
i = np.array([data.iid_map.get(x, -1) for x in ints("test.items").tolist()])
scores = model.global_mean + np.where(u >= 0, model.u_biases[u], 0) + np.where(i >= 0, model.i_biases[i], 0)
known = (u >= 0) & (i >= 0)
scores[known] += np.einsum("nf,nf->n", model.u_factors[u[known]], model.i_factors[i[known]])
save("predicted.f32", np.clip(scores, 0.5, 5))
report()
