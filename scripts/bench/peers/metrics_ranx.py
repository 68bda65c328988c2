"""ranx: the seven metrics that we also compute. Compiled before the clock starts; its tables are part of the time."""
from common import *
import numba
import pandas as pd
from ranx import Qrels, Run, evaluate

numba.set_num_threads(THREADS)
NAMES = ["precision@10", "recall@10", "f1@10", "ndcg@10", "map@10", "mrr@10", "hit_rate@10"]
stars = floats("test.stars")
users, items = ints("test.users")[stars >= 4], ints("test.items")[stars >= 4]
lists = ints("lists").reshape(-1, 10)
people = np.unique(users)
shown = lists[people].ravel()
qrels = pd.DataFrame({"q": users.astype(str), "d": items.astype(str), "s": np.ones(len(users), dtype=int)})
run = pd.DataFrame({
    "q": np.repeat(people, 10).astype(str), "d": shown.astype(str), "s": np.tile(np.arange(10, 0, -1.0), len(people)),
})
run = run[shown >= 0]


def work(qrels, run):
    tables = (Qrels.from_df(qrels, "q", "d", "s"), Run.from_df(run, "q", "d", "s"))
    started = time.perf_counter()
    means = evaluate(*tables, NAMES, threads=THREADS)
    return means, time.perf_counter() - started


few = set(run["q"].unique()[:50])
work(qrels[qrels["q"].isin(few)], run[run["q"].isin(few)])
for _ in range(ITERATIONS):
    with timed():
        means, evaluating = work(qrels, run)
report(**{name.split("@")[0]: value for name, value in means.items()}, secondsWithoutTables=evaluating)
