"""myFM: Gibbs sampling of the same factorization machine; one sweep over all ratings and factors is an epoch."""
from common import *
import myfm
from scipy.sparse import csr_matrix, hstack, vstack

n = counts()
pointers, indices = ints("features.pointers"), ints("features.indices")
features = csr_matrix((np.ones(len(indices)), indices, pointers), shape=(n["items"], n["features"]))
one_hot = lambda ids, size: csr_matrix((np.ones(len(ids)), ids, np.arange(len(ids) + 1)), shape=(len(ids), size))


def blocks(part):
    items, item_of = np.unique(ints(part + ".items"), return_inverse=True)
    users, user_of = np.unique(ints(part + ".users"), return_inverse=True)
    return [
        myfm.RelationBlock(user_of, one_hot(users, n["users"])),
        myfm.RelationBlock(item_of, hstack([one_hot(items, n["items"]), features[items]]).tocsr()),
    ]


stars = floats("train.stars").astype(np.float64)
last = [time.perf_counter()]


def tick(*_):
    now = time.perf_counter()
    seconds.append(now - last[0])
    last[0] = now
    return False, None


model = myfm.MyFMRegressor(rank=RANK, random_seed=1)
model.fit(
    None, stars, X_rel=blocks("train"), n_iter=ITERATIONS, n_kept_samples=max(1, ITERATIONS // 2),
    group_shapes=[n["users"], n["items"], n["features"]], callback=tick,
)
save("predicted.f32", np.clip(model.predict(None, blocks("test")), 0.5, 5))
report()
