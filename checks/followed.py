"""What a sweep follows of every fit: draws of scalars, by kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import xarray as xr

from .draws import SAMPLE, Array
from .own_data import mean_weight, own_data_weight, weight_label
from .shares import SHARE, Share, shares_of
from .weighted import weighted_summaries

#: Groups of a level whose weights are followed one by one.
MOST_GROUPS = 30


def of_fit(
    posterior: xr.Dataset,
    top_level: Sequence[str],
    signed: Sequence[str],
    quantities: xr.Dataset,
    decisions: xr.Dataset,
    levels: Mapping[str, xr.Dataset],
) -> xr.Dataset:
    """Return the draws of everything a conclusion can rest on.

    Parameters
    ----------
    posterior : xarray.Dataset
    top_level : sequence of str
        Variables with priors of their own.
    signed : sequence of str
        Those of them whose sign is a conclusion: locations and coefficients.
    quantities, decisions : xarray.Dataset
        As declared, evaluated on the posterior.
    levels : mapping of str to Dataset

    Returns
    -------
    xarray.Dataset
        The attribute ``kind`` of every variable is ``parameter``, ``quantity``, ``decision``,
        ``weight`` (on own data), ``effect`` or ``sign`` (whether a value is positive).
    """
    kept: dict[str, xr.DataArray] = {}
    for label, kind, draws in (
        *((n, "parameter", posterior[n]) for n in top_level if n in posterior),
        *((str(n), "quantity", v) for n, v in quantities.data_vars.items()),
        *((str(n), "decision", v) for n, v in decisions.data_vars.items()),
        *(found for name, level in levels.items() for found in _of_level(name, level)),
        *((sign_label(n), "sign", _positive(posterior[n])) for n in signed if n in posterior),
    ):
        kept.setdefault(label, draws.rename(label).assign_attrs({**draws.attrs, "kind": kind}))
    found = xr.Dataset(kept)
    return found.drop_vars([c for c in found.coords if c not in found.dims])


def sign_label(name: str) -> str:
    """How the event that a variable is positive is called among what is followed."""
    return f"{name} > 0"


def _positive(draws: xr.DataArray) -> xr.DataArray:
    return (draws > 0).assign_attrs(of=str(draws.name))


def above_label(level: str) -> str:
    """How the event that an effect lies above its location is called."""
    return f"{level}: above location"


def _of_level(name: str, level: xr.Dataset) -> Iterator[tuple[str, str, xr.DataArray]]:
    """Yield name, kind and draws of what is followed of one level.

    Levels have different groups, and all are kept in one dataset: each has a dimension of its own.
    """
    own = {"group": f"group of {name}"}
    if "information" in level:
        yield weight_label(name), "weight", mean_weight(level)
        weight = own_data_weight(level)
        yield f"{name}: effective groups", "weight", weight.sum("group")
        if level.sizes["group"] <= MOST_GROUPS:
            yield f"{name}: weight", "weight", weight.rename(own)
    effect = level["effect"]
    yield str(level.attrs.get("effect", name)), "effect", effect.rename(own)
    above = (effect - level["location"] > 0).transpose(*SAMPLE, "group")
    yield above_label(name), "sign", above.rename(own)


def fits(draws: xr.Dataset, levels: Mapping[str, xr.Dataset], weights: Array) -> list[xr.Dataset]:
    """Summarise what is followed under each of several sets of weights.

    Parameters
    ----------
    draws : xarray.Dataset
        As :func:`of_fit` returns it.
    levels : mapping of str to Dataset
    weights : ndarray of shape (sets, chain, draw)

    Returns
    -------
    list of xarray.Dataset
        Summaries of all scalars, and the variable ``share``, which holds value and Monte Carlo
        error of the numbers of :mod:`.shares`.
    """
    shares: list[dict[str, Share]] = [{} for _ in weights]
    for name, level in levels.items():
        for one, more in zip(shares, shares_of(name, level, weights), strict=True):
            one |= more
    summarised = weighted_summaries(draws, weights)
    return [fit.merge(_as_data(one)) for fit, one in zip(summarised, shares, strict=True)]


def equal_weights(draws: xr.Dataset) -> Array:
    """Return weights of draws that need none, shape (1, chain, draw)."""
    return np.ones((1, draws.sizes["chain"], draws.sizes["draw"]))


def _as_data(shares: Mapping[str, Share]) -> xr.Dataset:
    if not shares:
        return xr.Dataset()
    rows = np.array([[s.value, s.mcse] for s in shares.values()])
    return xr.Dataset(
        {"share": (("share_of", "share_summary"), rows)},
        coords={"share_of": list(shares), "share_summary": list(SHARE)},
    )


def shares_in(fit: xr.Dataset) -> dict[str, Share]:
    """Return the numbers that :func:`fits` kept, by label."""
    if "share" not in fit:
        return {}
    pairs = zip(fit["share_of"].values, fit["share"].values, strict=True)
    return {str(label): Share(float(row[0]), float(row[1])) for label, row in pairs}
