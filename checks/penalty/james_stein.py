"""The weight on own data that James and Stein would have given to normal means."""

from __future__ import annotations

import numpy as np

from ..draws import Array


def james_stein_weight(estimates: Array, noise_variance: float) -> float:
    r"""Return the weight on own data of the James–Stein estimator around the mean.

    :math:`w = 1 - (J-3)\sigma^2/\sum_j (y_j - \bar y)^2`, no less than 0 (the positive part). The
    equivalent penalty of one row per group is :math:`\lambda = (1-w)/w`.

    Parameters
    ----------
    estimates : array of shape (J,)
        One estimate per group, all with the same known noise.
    noise_variance : float
        Squared standard error of every estimate.

    Returns
    -------
    float
        Between 0 (complete pooling) and 1.

    Raises
    ------
    ValueError
        With fewer than four groups, where the estimator does not shrink.

    References
    ----------
    Efron and Morris (1973), doi:10.1080/01621459.1973.10481350; (1975),
    doi:10.1080/01621459.1975.10479864.
    """
    y = np.asarray(estimates, dtype=float)
    if y.size < 4:
        raise ValueError(f"James-Stein shrinkage to the mean needs 4 groups; there are {y.size}")
    spread = float(((y - y.mean()) ** 2).sum())
    return max(0.0, 1 - (y.size - 3) * noise_variance / spread) if spread > 0 else 0.0
