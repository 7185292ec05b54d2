"""What a function on a level needs of it, said clearly where it is not there."""

from __future__ import annotations

import xarray as xr

_WHERE = "poolwise.evaluate_levels(draws, model) returns one for every level"


def needs(level: object, *names: str) -> None:
    """Refuse what is not the dataset of a level, or lacks what is asked for.

    Parameters
    ----------
    level : xarray.Dataset
        Of one level, as :func:`poolwise.evaluate_levels` returns it.
    *names : str
        Variables that must be there.

    Raises
    ------
    TypeError
        If it is no dataset with a dim ``group``.
    ValueError
        If variables are missing; the message says why where the level knows it.
    """
    if not isinstance(level, xr.Dataset):
        kind = type(level).__name__
        raise TypeError(f"expected the dataset of one level, not {kind}; {_WHERE}")
    missing = [name for name in names if name not in level]
    if missing:
        held = ", ".join(str(v) for v in level.data_vars) or "nothing"
        why = level.attrs.get("why_no_information") or f"the dataset holds {held}; {_WHERE}"
        raise ValueError(f"the level has no {', '.join(missing)}: {why}")
