"""polars.read_csv with the types that we keep."""
from common import *
import polars as pl

TYPES = {"userId": pl.Int32, "movieId": pl.Int32, "rating": pl.Float32, "timestamp": pl.Int32}
with timed():
    table = pl.read_csv(os.path.join(DATA, "ratings.csv"), schema=TYPES)
report(rows=len(table), mean=table["rating"].cast(pl.Float64).mean())
