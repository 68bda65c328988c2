"""buffalo's BPR: one negative per rating, drawn by popularity as the other two draw it, and no item bias."""
from buffalo_data import factors_of, train

from buffalo import BPRMF, BPRMFOption
from common import *

options = {"lr": 0.025, "min_lr": 0.025, "reg_u": 0.01, "reg_i": 0.01, "reg_j": 0.01, "use_bias": False}
options = {**options, "num_negative_samples": 1, "sampling_power": 1.0, "verify_neg": False}
users, items = factors_of(train(BPRMF, BPRMFOption, options, 1))
save("users.f32", users)
save("items.f32", items)
report()
