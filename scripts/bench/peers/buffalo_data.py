"""What buffalo's two peers share: its database from our columns, and the mean seconds of a sweep."""
import tempfile

from buffalo import MatrixMarketOptions
from buffalo.misc import log
from common import *


log.set_log_level(log.WARN)  # standard output is for the result


def train(model_class, option_class, options, value):
    """A model after ITERATIONS sweeps, whose mean seconds are noted; each cell of the matrix holds `value`."""
    with tempfile.TemporaryDirectory() as folder:
        data = MatrixMarketOptions().get_default_option()
        data.input.main = train_matrix(value)
        data.data.path = os.path.join(folder, "data.h5py")
        data.data.tmp_dir = folder
        data.data.validation = {}
        own = option_class().get_default_option()
        own.update({"d": RANK, "num_iters": ITERATIONS, "num_workers": THREADS, "random_seed": 1})
        own.update({"compute_loss_on_training": False, **options})
        model = model_class(own, data_opt=data)
        model.initialize()
        started = time.perf_counter()
        model.train()
        seconds.append((time.perf_counter() - started) / ITERATIONS)
        return model


def factors_of(model):
    return model.P[:, :RANK], model.Q[:, :RANK]
