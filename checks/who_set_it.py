"""Whether the data or the prior set how strongly a level pools."""

from __future__ import annotations

import numpy as np

from .pooling import LevelPooling


def who_set_it(level: LevelPooling, *, limit: float = 0.5, pull: float = 0.05) -> tuple[str, str]:
    """Say whether the data or the prior set how strongly a level pools.

    The data did if they removed at least ``limit`` of the prior variance of the mean weight on own
    data (of the log scale, where weights are not known) *and* the weight does not follow a power of
    the top-level priors (sensitivity of ``pull`` or more) at least as much as one of the
    likelihood; a weight whose 89% interval is narrower than 0.05 is taken as known. The first alone
    would credit the data with narrowing a prior that was absurdly wide, the second alone ignores
    what was learned.

    Returns
    -------
    who : str
        ``data``, ``prior``, ``model`` (the scale is fixed) or an empty string (not known).
    why : str
    """
    if level.scale.sd == 0:
        return "model", f"the scale of {level.name} is fixed by the model"
    what = "the log scale" if level.weight_contraction is None else "the mean weight on own data"
    learned = level.contraction if level.weight_contraction is None else level.weight_contraction
    if learned is None or not np.isfinite(learned):
        return "", f"the prior variance of {what} of {level.name} is not known"
    said = f"the data removed {max(learned, 0):.0%} of the prior variance of {what}"
    if learned < limit:
        return "prior", said
    mine, theirs = level.prior_pull, level.data_pull
    if mine is not None and theirs is not None and mine >= max(pull, theirs) and _has_room(level):
        return "prior", (
            f"{said}, but it follows its priors more than the data (power-scaling sensitivity "
            f"{mine:.2f} against {theirs:.2f})"
        )
    return "data", said


def _has_room(level: LevelPooling, room: float = 0.05) -> bool:
    """Whether the weight is uncertain enough for a pull on it to matter.

    Power-scaling sensitivity does not depend on scale: a weight known to three digits can follow
    its prior in the fourth.
    """
    weight = level.mean_weight
    return weight is None or weight.high - weight.low >= room
