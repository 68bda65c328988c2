"""What every peer's process shares: `PEER.py DATA OUT ITERATIONS`, raw columns in, one line of JSON out."""

import json
import os
import sys
import time
import warnings

warnings.filterwarnings("ignore")
import numpy as np  # noqa: E402

DATA, OUT, ITERATIONS = sys.argv[1], sys.argv[2], int(sys.argv[3])
RANK, THREADS = int(os.environ["BENCH_RANK"]), int(os.environ["BENCH_THREADS"])
CONFIDENCE, REGULARIZATION = float(os.environ["BENCH_CONFIDENCE"]), float(os.environ["BENCH_REGULARIZATION"])
INPUT = os.path.join(DATA, "prepared")
seconds = []


def ints(name):
    return np.fromfile(os.path.join(INPUT, name + ".i32"), dtype=np.int32)


def floats(name):
    return np.fromfile(os.path.join(INPUT, name + ".f32"), dtype=np.float32)


def counts():
    with open(os.path.join(INPUT, "counts.json")) as file:
        return json.load(file)


def train_matrix(value=None):
    """users x items; every entry `value`, or the stars."""
    from scipy.sparse import csr_matrix

    n = counts()
    stars = floats("train.stars")
    if value is not None:
        stars[:] = value
    return csr_matrix((stars, (ints("train.users"), ints("train.items"))), shape=(n["users"], n["items"]))


def save(name, values, dtype=np.float32):
    os.makedirs(OUT, exist_ok=True)
    np.ascontiguousarray(values, dtype=dtype).tofile(os.path.join(OUT, name))


class timed:
    def __enter__(self):
        self.started = time.perf_counter()

    def __exit__(self, *_):
        seconds.append(time.perf_counter() - self.started)


def report(**quality):
    print(json.dumps({"seconds": seconds, "quality": {k: float(v) for k, v in quality.items()}}))
