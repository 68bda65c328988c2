"""implicit's BPR: one negative per rating, the movie of another rating drawn at random, so by popularity."""
from common import *
from implicit.cpu.bpr import BayesianPersonalizedRanking

matrix = train_matrix(1)
model = BayesianPersonalizedRanking(
    factors=RANK, learning_rate=0.025, regularization=0.01, iterations=ITERATIONS, num_threads=THREADS, random_state=1
)


def tick(n, took, *_):
    seconds.append(took)


model.fit(matrix, show_progress=False, callback=tick)
save("users.f32", model.user_factors)
save("items.f32", model.item_factors)
report()
