"""implicit's ALS by three steps of conjugate gradients, its default."""
from common import *
from implicit.cpu.als import AlternatingLeastSquares

model = AlternatingLeastSquares(
    factors=RANK, regularization=REGULARIZATION, alpha=1.0, use_cg=True, iterations=ITERATIONS,
    num_threads=THREADS, random_state=1,
)
model.fit(train_matrix(CONFIDENCE), show_progress=False, callback=lambda n, took, loss: seconds.append(took))
save("users.f32", model.user_factors)
save("items.f32", model.item_factors)
report()
