"""implicit's BPR: one uniform negative per rating; the seconds of one epoch come from runs that differ by epochs."""
from common import *
from implicit.cpu.bpr import BayesianPersonalizedRanking

matrix = train_matrix(1)
model = BayesianPersonalizedRanking(
    factors=RANK, learning_rate=0.05, regularization=0.01, iterations=1, num_threads=THREADS, random_state=1
)
last = None


def tick(n, took, *_):
    seconds.append(took)


model.iterations = ITERATIONS
model.fit(matrix, show_progress=False, callback=tick)
save("users.f32", model.user_factors)
save("items.f32", model.item_factors)
report()
