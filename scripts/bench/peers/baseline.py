"""
What `recsys baseline` does, with pandas, implicit, myFM, ranx and NumPy: load, split, popularity by mean and by count,
ALS, a factorization machine, top 10 for all users, seven metrics, 10,000 bootstrap resamples. Same vector length and
sweeps as our defaults. implicit cannot aim at (stars/4)^2 nor scale its regularization: its confidence grows instead,
with the best of 15 settings on the test ratings, which favours it. `baseline.py DATA ranx|numpy [no-fm]`: ranx needs seconds to
load what it has compiled, so that plain NumPy computes the metrics of a small data set sooner.
"""
import json
import os
import sys
import time
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, hstack

STARTED = time.perf_counter()
phases = {}


def lap(name):
    global STARTED
    now = time.perf_counter()
    phases[name] = now - STARTED
    STARTED = now


FACTORS, SWEEPS_MF, SWEEPS_FM, THREADS = 128, 16, 14, int(os.environ["BENCH_THREADS"])
rng = np.random.default_rng(42)
table = pd.read_csv(os.path.join(sys.argv[1], "ratings.csv"))
movies = pd.read_csv(os.path.join(sys.argv[1], "movies.csv"))
user, user_ids = pd.factorize(table["userId"], sort=True)
item = pd.Index(movies["movieId"].sort_values()).get_indexer(table["movieId"])
shape = (len(user_ids), len(movies))
table["order"] = rng.random(len(table))
rank = table.groupby("userId")["order"].rank().to_numpy()
size = table.groupby("userId")["order"].transform("size").to_numpy()
test = rank <= np.round(0.2 * size)
stars = table["rating"].to_numpy()
train = csr_matrix((stars[~test], (user[~test], item[~test])), shape=shape)
count = np.diff(train.tocsc().indptr)
relevant = test & (stars >= 4)
people = np.unique(user[relevant])
lap("load and split")


def top(scores):
    """Best 10 per user of `people`, without what they have seen and what nobody has rated."""
    scores = np.array(np.broadcast_to(scores, (len(people), shape[1])), dtype=np.float32)
    scores[:, count == 0] = -np.inf
    seen = train[people].tocoo()
    scores[seen.row, seen.col] = -np.inf
    best = np.argpartition(-scores, 10, axis=1)[:, :10]
    order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1, kind="stable")
    return np.take_along_axis(best, order, 1)


lists = {
    "popularity": top(np.asarray(train.sum(0)).ravel() / np.maximum(count, 1)),
    "popularity-count": top(count.astype(float)),
}
lap("popularity")

from implicit.cpu.als import AlternatingLeastSquares

confidence = train.copy()
confidence.data = 1 + 5 * (confidence.data / 4) ** 2
als = AlternatingLeastSquares(
    factors=FACTORS, iterations=SWEEPS_MF, regularization=50, num_threads=THREADS, random_state=42
)
als.fit(confidence, show_progress=False)
lists["mf"] = als.recommend(people, train[people], N=10, filter_already_liked_items=True)[0]
lap("mf")

if sys.argv[3:] != ["no-fm"]:
    import myfm

    movies = movies.sort_values("movieId")
    genres = movies["genres"].str.get_dummies("|").to_numpy(dtype=float)
    decade = pd.get_dummies(movies["title"].str.extract(r"\((\d{3})\d\)\s*$")[0]).to_numpy(dtype=float)
    eye = lambda n: csr_matrix((np.ones(n), (np.arange(n), np.arange(n))), shape=(n, n))
    features = csr_matrix(np.hstack([genres, decade]))
    blocks = [
        myfm.RelationBlock(user[~test], eye(shape[0])),
        myfm.RelationBlock(item[~test], hstack([eye(shape[1]), features]).tocsr()),
    ]
    fm = myfm.MyFMRegressor(rank=FACTORS, random_seed=42)
    sys.stderr = open(os.devnull, "w")
    fm.fit(None, stars[~test], X_rel=blocks, n_iter=SWEEPS_FM, n_kept_samples=SWEEPS_FM // 2,
           group_shapes=[shape[0], shape[1], features.shape[1]])
    scores = 0
    for sample in fm.predictor_.samples:
        users, items, extra = np.split(np.asarray(sample.V), [shape[0], shape[0] + shape[1]])
        weight = np.split(np.asarray(sample.w), [shape[0], shape[0] + shape[1]])
        whole = items + features @ extra
        pairs = (np.square(whole).sum(1) - np.square(items).sum(1) - features @ np.square(extra).sum(1)) / 2
        scores = scores + users[people] @ whole.T + (weight[1] + features @ weight[2] + pairs)
    lists["fm"] = top(scores)
    lap("fm")

NAMES = ["precision@10", "recall@10", "f1@10", "ndcg@10", "map@10", "mrr@10", "hit_rate@10"]
text = lambda values: np.asarray(values).astype(str)
wanted = csr_matrix((np.ones(relevant.sum(), dtype=np.float32), (user[relevant], item[relevant])), shape=shape)[people]


def by_ranx():
    from ranx import Qrels, Run, evaluate

    known = {"q": text(user[relevant]), "d": text(item[relevant]), "s": np.ones(relevant.sum(), dtype=int)}
    qrels = Qrels.from_df(pd.DataFrame(known), "q", "d", "s")

    def per_user(shown):
        q, s = text(np.repeat(people, 10)), np.tile(np.arange(10, 0, -1.0), len(people))
        run = Run.from_df(pd.DataFrame({"q": q, "d": text(shown.ravel()), "s": s}), "q", "d", "s")
        values = evaluate(qrels, run, NAMES, return_mean=False, threads=THREADS)
        return np.stack([values[metric] for metric in NAMES], axis=1)

    return per_user


def by_numpy():
    total = np.diff(wanted.indptr)
    ranks = np.arange(1, 11)
    discounts = 1 / np.log2(ranks + 1)
    best = np.cumsum(discounts)[np.minimum(total, 10) - 1]
    dense = wanted.toarray()

    def per_user(shown):
        hit = np.take_along_axis(dense, shown, 1)
        hits = hit.sum(1)
        precision, recall = hits / 10, hits / total
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
        ap = (hit * np.cumsum(hit, 1) / ranks).sum(1) / np.minimum(total, 10)
        mrr = (hit / ranks).max(1)
        return np.stack([precision, recall, f1, hit @ discounts / best, ap, mrr, hits > 0], axis=1)

    return per_user


per_user = by_ranx() if sys.argv[2] == "ranx" else by_numpy()
resamples = rng.multinomial(len(people), np.full(len(people), 1 / len(people)), size=10_000) / len(people)
results = {}
for name, shown in lists.items():
    columns = per_user(shown)
    low, high = np.percentile(resamples @ columns, [2.5, 97.5], axis=0)
    results[name] = {
        metric: [float(mean), float(a), float(b)]
        for metric, mean, a, b in zip(NAMES, columns.mean(0), low, high)
    }
lap("metrics and intervals")
quality = {f"ndcg {name}": result["ndcg@10"][0] for name, result in results.items()}
print(json.dumps({"seconds": [], "quality": quality, "phases": phases, "results": results}))
