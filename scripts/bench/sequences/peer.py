"""RecTools' SASRec on PyTorch: the peer of our item tokens, of the same width, blocks, heads and length.

usage: peer.py TRAIN TEST OUT PASSES BATCH THREADS [float32|bf16|compile]
TRAIN and TEST are CSV files with userId, movieId and timestamp. Writes lists of ten for the users of TEST as
userId,movieId,rank to OUT, movies of TRAIN left out. The rest is as RecTools sets it: softmax over all movies, a learning
rate of .001, dropout .2. bf16 trains under autocast, compile with torch.compile.
"""
import sys
import warnings

import pandas as pd
import torch
from pytorch_lightning import Callback, Trainer, seed_everything
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

train_path, test_path, out, passes, batch, threads, form = [*sys.argv[1:], "float32"][:7]
torch.set_num_threads(int(threads))
warnings.simplefilter("ignore")
seed_everything(42)

names = {"userId": Columns.User, "movieId": Columns.Item, "timestamp": Columns.Datetime}
ratings = pd.read_csv(train_path, usecols=list(names)).rename(columns=names)
ratings[Columns.Datetime] = pd.to_datetime(ratings[Columns.Datetime], unit="s")
ratings[Columns.Weight] = 1.0
tested = pd.read_csv(test_path, usecols=["userId"])["userId"].unique()


class Compile(Callback):
    def on_fit_start(self, trainer, pl_module):
        pl_module.torch_model.compile()


def make_trainer():
    return Trainer(
        max_epochs=int(passes),
        accelerator="cpu",
        precision="bf16-mixed" if form == "bf16" else "32-true",
        callbacks=[Compile()] if form == "compile" else [],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


model = SASRecModel(
    n_factors=64,
    n_blocks=2,
    n_heads=1,
    session_max_len=200,
    batch_size=int(batch),
    epochs=int(passes),
    get_trainer_func=make_trainer,
    recommend_torch_device="cpu",
)
dataset = Dataset.construct(ratings)
model.fit(dataset)
users = tested[pd.Index(tested).isin(ratings[Columns.User])]
lists = model.recommend(users, dataset, k=10, filter_viewed=True)
lists = lists.rename(columns={Columns.User: "userId", Columns.Item: "movieId", Columns.Rank: "rank"})
lists[["userId", "movieId", "rank"]].to_csv(out, index=False)
