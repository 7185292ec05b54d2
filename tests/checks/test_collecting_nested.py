"""What more data would leave in trees of levels: against joint normal posteriors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from poolwise.checks.collecting import what_to_collect
from poolwise.checks.collecting_nested import what_to_collect_in
from poolwise.checks.draws import SAMPLE

Array = NDArray[np.float64]
SITE_OF_PLOT = np.array([0, 0, 1, 1, 1, 2])
ROWS = np.array([2, 3, 4, 1, 5, 2])
PLOT = np.repeat(np.arange(6), ROWS)
SHAPE = (2, 4)


def levels(plots: float = 0.7, sites: float = 1.3, sigma: float = 1.5) -> dict[str, xr.Dataset]:
    information = ROWS / sigma**2
    above = np.zeros(3)
    np.add.at(above, SITE_OF_PLOT, 1 / (plots**2 + 1 / information))
    return {
        "site": one_level(sites, above, SITE_OF_PLOT[PLOT]),
        "plot": one_level(plots, information, PLOT),
    }


def one_level(scale: float, information: Array, rows: np.ndarray) -> xr.Dataset:
    groups = information.size
    return xr.Dataset(
        {
            "effect": ((*SAMPLE, "group"), np.random.default_rng(1).normal(size=(*SHAPE, groups))),
            "location": (SAMPLE, np.zeros(SHAPE)),
            "scale": (SAMPLE, np.full(SHAPE, scale)),
            "information": ((*SAMPLE, "group"), np.broadcast_to(information, (*SHAPE, groups))),
            "noise_variance": ((*SAMPLE, "group"), np.ones((*SHAPE, groups))),
            "other": ((*SAMPLE, "group"), np.zeros((*SHAPE, groups))),
            "row_group": ("row", rows),
        },
        attrs={"outcome": "y", "family": "Normal", "location_sd": np.inf},
    )


def joint(plot: np.ndarray, site_of_plot: np.ndarray, *, plots: float = 0.7, sites: float = 1.3,
          sigma: float = 1.5) -> Array:  # fmt: skip
    """Posterior covariance of plot means, site means and their mean, from all rows at once."""
    p, s = site_of_plot.size, int(site_of_plot.max()) + 1
    precision = np.zeros((p + s + 1, p + s + 1))
    for i in plot:
        precision[i, i] += sigma**-2
    for i, k in enumerate(site_of_plot):
        link = np.zeros(p + s + 1)
        link[i], link[p + k] = 1, -1
        precision += np.outer(link, link) / plots**2
    for k in range(s):
        link = np.zeros(p + s + 1)
        link[p + k], link[-1] = 1, -1
        precision += np.outer(link, link) / sites**2
    return np.asarray(np.linalg.inv(precision))


def doubled(plot: np.ndarray, site_of_plot: np.ndarray, what: str) -> tuple[Any, Any]:
    """Return the rows and plots of a study with twice as much of one thing."""
    p, s = site_of_plot.size, int(site_of_plot.max()) + 1
    if what == "rows per plot":
        return np.concatenate([plot, plot]), site_of_plot
    rows = np.concatenate([plot, plot + p])
    step = 0 if what == "plot groups per site" else s
    return rows, np.concatenate([site_of_plot, site_of_plot + step])


WAYS = ("rows per plot", "plot groups per site", "site groups")


@pytest.mark.parametrize("what", ["", *WAYS])
def test_a_tree_of_levels_agrees_with_the_joint_posterior(what: str) -> None:
    study = doubled(PLOT, SITE_OF_PLOT, what) if what else (PLOT, SITE_OF_PLOT)
    variance = np.diag(joint(*study))
    p = study[1].size
    by_target = {
        "plot": (variance[:6].mean(), None),
        "site": (variance[p : p + 3].mean(), variance[-1]),
    }
    for name, (effect, mean) in by_target.items():
        found = what_to_collect_in(levels(), name)
        assert [o.what for o in found[0].options] == list(WAYS)

        def left(one: Any) -> float:
            by_way = {o.what: o.left.mean for o in one.options}
            return float(by_way[what] if what else one.now.mean)

        assert_allclose(left(found[0]), effect, rtol=1e-9)
        if mean is not None:
            assert_allclose(left(found[-1]), mean, rtol=1e-9)
    plots = what_to_collect_in(levels(), "plot")
    assert [o.target for o in plots] == [
        "effect of an observed group",
        "mean of new groups of an observed site",
        "mean of all groups",
    ]


def test_one_level_is_the_closed_form_of_one_level() -> None:
    only = {"plot": levels()["plot"]}
    found = what_to_collect_in(only, "plot")
    wanted = what_to_collect(only["plot"].assign(location=(SAMPLE, np.arange(8.0).reshape(SHAPE))))
    for mine, theirs in zip(found, (wanted[0], wanted[2]), strict=True):
        assert_allclose(mine.now.mean, theirs.now.mean)
        rows, groups = mine.options
        assert_allclose(rows.left.mean, theirs.more_rows.mean)
        assert_allclose(groups.left.mean, theirs.more_groups.mean)


def test_what_is_not_known_in_all_is_of_the_effect_itself() -> None:
    """Predictors of rows are effects of the innermost level, and of no other."""
    squares = np.arange(16.0).reshape(2, *SHAPE)
    both = {
        name: level.assign(link_deviations=(("link_of", "chain", "used_draw"), squares))
        .assign_coords(link_of=["observed", "new"])
        .copy()
        for name, level in levels().items()
    }
    plot, site = (what_to_collect_in(both, name) for name in ("plot", "site"))
    assert_allclose(plot[0].total, squares[0].mean() * 8 / 7)
    assert np.isnan(site[0].total)
    assert_allclose(site[-1].total, squares[1].mean() * 8 / 7)


def test_the_prior_of_the_location_counts() -> None:
    moving = levels()["plot"].assign(location=(SAMPLE, np.arange(8.0).reshape(SHAPE)))
    only = {"plot": moving.assign_attrs(location_sd=0.4)}
    wanted = what_to_collect(moving, location_sd=0.4)
    for mine, theirs in zip(what_to_collect_in(only, "plot"), (wanted[0], wanted[2]), strict=True):
        assert_allclose(mine.now.mean, theirs.now.mean)
    del only["plot"].attrs["location_sd"]
    assert "flat prior" in what_to_collect_in(only, "plot")[0].approximate


def test_the_best_option_is_named() -> None:
    plots = what_to_collect_in(levels(), "plot")
    assert plots[0].best == "rows per plot"
    assert plots[-1].best == "site groups"
    assert 0 < plots[0].share(plots[0].options[0]) < 1


def test_crossed_levels_are_said_to_be_taken_as_known() -> None:
    both = levels()
    both["year"] = one_level(1.0, np.ones(4), np.arange(PLOT.size) % 4)
    found = what_to_collect_in(both, "plot")
    assert "year" in found[0].approximate
    assert not what_to_collect_in(levels(), "plot")[0].approximate
    unknown = {"plot": levels()["plot"].drop_vars(["other", "noise_variance"])}
    (said, *_) = what_to_collect_in(unknown, "plot")
    assert "Fisher information" in said.approximate
    assert "other terms" in said.approximate


def test_side_by_side_levels_are_refused() -> None:
    both = levels()
    rows = np.arange(PLOT.size)
    site = both["site"]["row_group"].values
    inside = np.array([2 * site[i] + rows[i] % 2 for i in rows])
    both["plant"] = one_level(1.0, np.ones(8), inside)
    with pytest.raises(ValueError, match="side by side"):
        what_to_collect_in(both, "site")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.drop_vars("information"), "not known"),
        (lambda d: d.assign_attrs(family="StudentT"), "StudentT"),
        (lambda d: d.assign(design=("group", np.full(6, 2.0))), "covariate"),
        (lambda d: d.assign(scale=d["scale"] * d["information"]), "scales of their own"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_reason(change: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        what_to_collect_in({"plot": change(levels()["plot"])}, "plot")
