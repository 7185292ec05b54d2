"""Strength of a paste (Davies and Goldsmith 1972): assays of casks, casks of batches.

Three casks of each of ten delivered batches were opened, and two samples of each cask assayed. Are
bad casks due to bad batches? The levels are nested: every cask lies in one batch, so the mean of
a batch is informed by its three casks, not by its six assays.
"""

import csv
from pathlib import Path

import numpy as np
import pymc as pm

import poolwise
from poolwise import Expect

with (Path(__file__).parent / "data" / "pastes.csv").open() as file:
    ROWS = list(csv.DictReader(file))

BATCHES = list(dict.fromkeys(row["batch"] for row in ROWS))
CASKS = list(dict.fromkeys(row["cask"] for row in ROWS))
CASK = np.array([CASKS.index(row["cask"]) for row in ROWS])
BATCH_OF_CASK = np.array([BATCHES.index(cask[0]) for cask in CASKS])


@poolwise.spec(
    unit="strength units",
    expect=[
        Expect(of="strength", stat="mean", between=(30, 90), prob=0.9, why="the assay's scale"),
        Expect(of="strength", stat="sd", between=(0.5, 15), prob=0.9, why="one product"),
    ],
    quantities={
        "share of variance between batches": lambda post: (
            post["between_batches"] ** 2
            / (post["between_batches"] ** 2 + post["between_casks"] ** 2 + post["assay"] ** 2)
        ),
    },
    decisions={
        "casks differ more than batches": lambda post: (
            post["between_casks"] > post["between_batches"]
        ),
        "batch E is below the average": lambda post: (
            post["batch_mean"].sel(batch="E") < post["overall"]
        ),
    },
)
def paste() -> pm.Model:
    """Casks around their batch, batches around the overall mean; few batches, two assays each."""
    coords = {"batch": BATCHES, "cask": CASKS, "assay_row": np.arange(len(ROWS))}
    with pm.Model(coords=coords) as model:
        cask = pm.Data("cask_index", CASK, dims="assay_row")
        batch = pm.Data("batch_of_cask", BATCH_OF_CASK, dims="cask")

        overall = pm.Normal("overall", 60, 10)
        between_batches = pm.HalfNormal("between_batches", 3)
        between_casks = pm.HalfNormal("between_casks", 3)
        assay = pm.HalfNormal("assay", 2)

        # Ten batches say little about their spread: sampled relative to it. Casks say much.
        offset = pm.Normal("batch_offset", 0, 1, dims="batch")
        batch_mean = pm.Deterministic(
            "batch_mean", overall + between_batches * offset, dims="batch"
        )
        cask_mean = pm.Normal("cask_mean", batch_mean[batch], between_casks, dims="cask")
        strength = [float(row["strength"]) for row in ROWS]
        pm.Normal("strength", cask_mean[cask], assay, observed=strength, dims="assay_row")
    return model
