"""Draws of groups without data: what their effects and observations will be like."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import xarray as xr

from ...checks.draws import Array
from ...checks.hierarchy import Hierarchy
from .fresh_groups import Fresh
from .function import OutcomeFunction
from .new_groups import InNewGroups, Standardised, kinds_of_new_group, links_in

#: Rows times draws of data that are simulated to predict a group without data.
MOST_SIMULATED = 4_000_000


def predictions(
    outcome: OutcomeFunction, hierarchy: Hierarchy, name: str, whole: xr.Dataset
) -> xr.Dataset:
    """Draw effects, means and observations of groups without data, one for every draw.

    A row is chosen at random for every draw, every group as likely as any other.

    Returns
    -------
    xarray.Dataset
        ``new_group_draws`` (predicted, chain, predicted_draw).
    """
    model, level = outcome.model, hierarchy.levels[name]
    chains, each = whole.sizes["chain"], whole.sizes["draw"]
    keep = max(1, min(each, MOST_SIMULATED // (chains * outcome.rows)))
    draws = whole.isel(draw=np.linspace(0, each - 1, keep).astype(int))
    at = np.arange(chains * keep)
    seed = crc32(f"{name}: a new group".encode())
    rng = np.random.default_rng(seed)
    row = rng.choice(outcome.rows, size=at.size, p=outcome.weights)
    found: dict[str, Array] = {}
    for kind, new in kinds_of_new_group(hierarchy, name):
        eta = _drawn_once(InNewGroups(model, hierarchy, new, outcome.predictor, draws), rng)
        data = outcome.drawn(draws, seed)(at, eta)
        own = links_in(hierarchy, name, new, level.effect)
        effect = _drawn_once(InNewGroups(model, hierarchy, own, level.effect, draws), rng)
        effect = effect.reshape(at.size, -1)
        group = rng.integers(effect.shape[1], size=at.size)
        found[f"effect of {kind}"] = effect[at, group]
        if outcome.moments is not None:
            mean, _, _ = outcome.function(draws)(at, eta)
            found[f"mean of a row in {kind}"] = mean[at, row]
        found[f"new observation in {kind}"] = data[at, row]
    values = np.reshape(list(found.values()), (len(found), chains, keep))
    return xr.Dataset(
        {"new_group_draws": (("predicted", "chain", "predicted_draw"), values)},
        coords={"predicted": list(found)},
    )


def _drawn_once(of: InNewGroups, rng: np.random.Generator) -> Array:
    """Return an expression with new groups: every element has deviations of its own."""
    at = np.arange(of.draws.sizes["chain"] * of.draws.sizes["draw"])
    if not of.is_normal():
        return Fresh(of, int(rng.integers(2**31))).draw(at)[0]
    centre, spreads = Standardised(of).centre_and_spreads(at)
    total = np.sqrt(sum((s**2 for s in spreads), np.zeros_like(centre)))
    return np.asarray(centre + total * rng.normal(size=centre.shape))
