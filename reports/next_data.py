"""What to collect next, and what to expect of a group without data: sentences and tables."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

import numpy as np
import xarray as xr

from ..checks.collecting import Collecting, what_to_collect
from ..checks.collecting_nested import Outlook, what_to_collect_in
from ..checks.draws import Summary
from ..checks.new_group import Prediction, predict_new_group
from ..checks.words import number
from .blocks import Block, Column, Note, Table
from .numbers import NONE, beside, between, num, of_unit, percent, squared
from .trust import gap


def collecting(
    level: str, data: xr.Dataset, *, unit: str = "", location_sd: float = float("inf")
) -> list[Block]:
    """Say whether more rows or more groups teach more, or why that is not known.

    Parameters
    ----------
    level : str
        Its name.
    data : xarray.Dataset
        The level on posterior draws, as :func:`what_to_collect` reads it.
    unit : str
        Of the effect.
    location_sd : float
        Standard deviation of a normal prior of the location.
    """
    try:
        found = what_to_collect(data, location_sd=location_sd)
    except ValueError as reason:
        return [gap(f"What to collect next is not shown for {level}: {reason}")]
    observed, _, new, _ = found
    times = "twice" if observed.factor == 2 else f"{number(observed.factor)} times"
    said = [
        f"Of what is not known about the effect of an observed {level}, {times} the rows per group "
        f"would leave {_share(observed, observed.more_rows)}, {times} the groups "
        f"{_share(observed, observed.more_groups)}; of what is not known about the mean of all "
        f"groups, {_share(new, new.more_rows)} and {_share(new, new.more_groups)}.",
        _advice(observed, new),
        "Given the scales: not knowing them adds what the last column holds beyond the first, and "
        "more groups teach more about the spread between them.",
    ]
    return [Note(" ".join(s for s in said if s)), _collecting_table(level, found, unit)]


def by_level(level: str, levels: Mapping[str, xr.Dataset]) -> list[Block]:
    """Say what more rows, or more groups of any level around them, would leave unknown.

    Parameters
    ----------
    level : str
        Whose groups are asked about.
    levels : mapping of str to Dataset
        All levels on posterior draws, as :func:`what_to_collect_in` reads them.
    """
    try:
        found = what_to_collect_in(levels, level)
    except ValueError as reason:
        return [gap(f"What to collect next is not shown for {level}: {reason}")]
    said = [_best(one) for one in found]
    close = next((one.approximate for one in found if one.approximate), "")
    said.append(
        "Given the scales: not knowing them adds what the last column holds beyond the first."
    )
    if close:
        said.append(f"An approximation: {close}.")
    return [Note(" ".join(said)), _by_level_table(level, found)]


def _best(one: Outlook) -> str:
    shares = ", ".join(f"{percent(one.share(o))} with twice the {o.what}" for o in one.options)
    advice = f"; collect more {one.best}" if one.best else "; they are worth the same here"
    return f"Of what is not known about the {one.target}, there would be left {shares}{advice}."


def _by_level_table(level: str, found: list[Outlook]) -> Table:
    columns = [
        Column("Target", number=False),
        Column("Now, given the scales"),
        *(Column(f"2 × {option.what}") for option in found[0].options),
        Column("Now, in all"),
        Column("Summary", number=False),
    ]
    rows = [
        [
            one.target,
            *(
                num(s.median) if one.heavy_tailed else f"{num(s.mean)} ± {num(s.mcse, 2)}"
                for s in (one.now, *(option.left for option in one.options))
            ),
            f"{num(one.total)} ± {num(one.total_mcse, 2)}" if np.isfinite(one.total) else NONE,
            "medians" if one.heavy_tailed else "means",
        ]
        for one in found
    ]
    heavy = dict.fromkeys(one.heavy_tailed for one in found if one.heavy_tailed)
    return Table(
        f"What to collect next for {level}",
        columns,
        rows,
        caption=(
            f"Epistemic variance that more data would leave for {level}, on the scale of the "
            "linear predictor, ± Monte Carlo standard error"
        ),
        note=f"Medians where {'; '.join(heavy)}." if heavy else "",
    )


def _share(one: Collecting, left: Summary) -> str:
    if one.heavy_tailed:
        return percent(left.median / one.now.median if one.now.median > 0 else float("nan"))
    return percent(left.mean / one.now.mean if one.now.mean > 0 else float("nan"))


def _advice(observed: Collecting, new: Collecting) -> str:
    words = {"rows": "collect more rows per group", "groups": "collect more groups"}
    for_seen, for_new = observed.better(), new.better()
    if for_seen and for_seen == for_new:
        return f"Either way, {words[for_seen]}."
    said = []
    if for_seen:
        said.append(f"To know the observed groups better, {words[for_seen]}")
    if for_new:
        said.append(f"to predict new ones better, {words[for_new]}")
    return f"{'; '.join(said)}." if said else "Rows and groups are worth the same here."


def _collecting_table(level: str, found: list[Collecting], unit: str) -> Table:
    times = number(found[0].factor)
    columns = [
        Column("Target", number=False),
        Column("Now, given the scales"),
        Column(f"{times} × rows per group"),
        Column(f"{times} × groups"),
        Column("Rows less groups"),
        Column("Now, in all"),
        Column("Summary", number=False),
    ]
    rows = [
        [
            one.target,
            *(_value(one, s) for s in (one.now, one.more_rows, one.more_groups, one.gain)),
            f"{num(one.total)} ± {num(one.total_mcse, 2)}",
            "medians" if one.heavy_tailed else "means",
        ]
        for one in found
    ]
    caption = of_unit(
        f"Epistemic variance that more data would leave for {level}, ± Monte Carlo standard error",
        squared(unit),
    )
    heavy = dict.fromkeys(one.heavy_tailed for one in found if one.heavy_tailed)
    return Table(
        f"What to collect next for {level}",
        columns,
        rows,
        caption=caption,
        note=f"Medians where {'; '.join(heavy)}." if heavy else "",
    )


def _value(one: Collecting, summary: Summary) -> str:
    if one.heavy_tailed:
        return num(summary.median)
    return f"{num(summary.mean)} ± {num(summary.mcse, 2)}"


def new_group(level: str, data: xr.Dataset, *, unit: str = "") -> list[Block]:
    """Predict a group without data: its effect and one observation, side by side.

    Parameters
    ----------
    level : str
        Its name.
    data : xarray.Dataset
        The level on posterior draws, as :func:`predict_new_group` reads it.
    unit : str
        Of the effect and the outcome.
    """
    found = predict_new_group(data)
    effects = [p for p in found if p.target.startswith("effect")]
    rest = [p for p in found if p.target.startswith("new observation")]
    said = []
    for p, q in zip_longest(effects, rest):
        kind = (p or q).target.partition("new group")[2]
        seen = f"one observation in it between {_ends(q)}" if q else ""
        if p:
            said.append(
                f"With probability {p.probability:.0%}, the effect of a {level} without data{kind} "
                f"lies between {_ends(p)}{', and ' if seen else ''}{seen}."
            )
        else:
            said.append(f"With probability {q.probability:.0%}, of a {level}{kind}, {seen}.")
    if not rest:
        why = data.attrs.get("why_no_outcome", "noise or covariate of a row is not known")
        said.append(f"Its observations are not predicted: {why}.")
    return [Note(" ".join(said)), _prediction_table(level, found, unit)]


def _ends(one: Prediction) -> str:
    return f"{num(one.low)} and {num(one.high)}"


def _prediction_table(level: str, found: list[Prediction], unit: str) -> Table:
    columns = [
        Column("Target", number=False),
        Column("Mean"),
        Column("Median"),
        Column(f"{found[0].probability:.0%} interval"),
        Column("MCSE of the ends"),
    ]
    rows = [
        [
            p.target,
            f"{num(p.mean)} ± {num(p.mcse, 2)}",
            beside(p.median, p.low, p.high),
            between(p.low, p.high),
            f"{num(p.low_mcse, 2)}, {num(p.high_mcse, 2)}",
        ]
        for p in found
    ]
    return Table(
        f"A new {level}",
        columns,
        rows,
        caption=of_unit(f"What to expect of a {level} without data", unit),
        note=(
            "At the covariates of rows of the observed groups."
            if any(p.target.startswith("mean") for p in found)
            else "At the average covariates and the average noise of the observed groups."
        ),
    )
