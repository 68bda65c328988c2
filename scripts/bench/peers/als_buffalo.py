"""buffalo's ALS by three steps of conjugate gradients on implicit ratings."""
from buffalo_data import factors_of, train

from buffalo import ALS, ALSOption
from common import *

# buffalo's confidence is 1 + alpha times the cell.
options = {"alpha": 1.0, "reg_u": REGULARIZATION, "reg_i": REGULARIZATION}
options = {**options, "optimizer": "manual_cg", "num_cg_max_iters": 3}
users, items = factors_of(train(ALS, ALSOption, options, CONFIDENCE - 1))
save("users.f32", users)
save("items.f32", items)
report()
