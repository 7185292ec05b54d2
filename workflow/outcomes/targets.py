"""The parts of the variance of what is predicted, at every draw, and how a run keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from ...checks.decomposition import NOISE
from ...checks.draws import Array
from ...checks.splitting import Split, entropy, over_categories
from .pairs import Pairs


@dataclass(slots=True)
class Target:
    """Parts of one target at every draw that was used.

    Attributes
    ----------
    parts, entropies : dict of str to ndarray of shape (draws,)
        By part: variances, and for categories entropies in nats.
    fitted : ndarray of shape (draws,) or None
        What is predicted, averaged over rows.
    squared_range : float
        Interquartile range over 1.349, squared.
    why : str
        Why the variance does not exist; empty where it does.
    """

    name: str
    parts: dict[str, Array] = field(default_factory=dict)
    entropies: dict[str, Array] = field(default_factory=dict)
    fitted: Array | None = None
    squared_range: float = float("nan")
    why: str = ""


def of_split(name: str, found: Split, middle: str, names: Sequence[str], weights: Array) -> Target:
    """Return a target from integrals over new groups.

    Parameters
    ----------
    name : str
    found : Split
    middle : str
        Part that what varies with the parameters belongs to.
    names : sequence of str
        Parts of the links of the chain, innermost first.
    weights : ndarray of shape (rows,)
        Of rows in averages.
    """
    target = Target(name, fitted=found.mean @ weights)
    target.squared_range = _squared_range(found.mean, weights)
    deviation = found.mean - found.mean.mean(0)
    size = len(deviation)
    target.parts[middle] = (deviation**2 @ weights) * size / (size - 1)
    target.parts |= dict(zip(names, found.spreads, strict=True))
    if found.noise.any():
        target.parts[NOISE] = found.noise
    if found.probabilities is not None and found.noise_entropy is not None:
        target.entropies[middle] = _information(found.probabilities, weights)
        lost = found.spread_entropies or []
        target.entropies |= dict(zip(names, lost, strict=True))
        target.entropies[NOISE] = found.noise_entropy
    return target


def of_pairs(name: str, found: Pairs, middle: str, names: Sequence[str], weights: Array) -> Target:
    """Return a target from simulated pairs; parameters as of :func:`of_split`."""
    target = Target(name, fitted=found.fitted @ weights)
    target.squared_range = _squared_range(found.fitted, weights)
    target.parts[middle] = found.between
    names = names if found.noise is not None else [NOISE, *names]
    target.parts |= dict(zip(names, found.gaps, strict=True))
    if found.noise is not None and found.noise.any():
        target.parts[NOISE] = found.noise
    return target


def stored(targets: Sequence[Target], shape: tuple[int, int]) -> xr.Dataset:
    """Return targets as a dataset with the dims ``target``, ``part``, ``chain``, ``used_draw``."""
    parts = list(dict.fromkeys(p for t in targets for p in t.parts))
    dims = ("chain", "used_draw")

    def table(values: str) -> np.ndarray:
        found = np.full((len(targets), len(parts), *shape), np.nan)
        for i, target in enumerate(targets):
            for part, per_draw in getattr(target, values).items():
                found[i, parts.index(part)] = per_draw.reshape(shape)
        return found

    nothing = np.full(shape, np.nan)
    fitted = [nothing if t.fitted is None else t.fitted.reshape(shape) for t in targets]
    data = {
        "variance_parts": (("target", "part", *dims), table("parts")),
        "mean_of_target": (("target", *dims), np.reshape(fitted, (len(targets), *shape))),
        "squared_range": ("target", np.array([t.squared_range for t in targets])),
        "why_no_variance": ("target", np.array([t.why for t in targets], dtype=str)),
    }
    if any(t.entropies for t in targets):
        data["entropy_parts"] = (("target", "part", *dims), table("entropies"))
    return xr.Dataset(data, coords={"target": [t.name for t in targets], "part": parts})


def _squared_range(means: Array, weights: Array) -> float:
    """Return the average over rows of the squared interquartile range over 1.349."""
    low, high = np.quantile(means, [0.25, 0.75], axis=0)
    with np.errstate(invalid="ignore"):
        return float(((high - low) / 1.349) ** 2 @ weights)


def _information(p: Array, weights: Array) -> Array:
    """Return at every draw what it adds to the mutual information of outcome and parameters.

    The mean over draws of the entropy of the average less the average of the entropy; linearised
    so that draws give its Monte Carlo error as well.
    """
    average = p.mean(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        cross = -over_categories(np.where(p > 0, p * np.log(average), 0.0))
    return np.asarray((cross - entropy(p)) @ weights)
