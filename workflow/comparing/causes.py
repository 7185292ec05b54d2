"""What differs in all that two results depend on: spec, data, versions, settings, seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ...checks.words import counted
from ...reports.comparison import Cause

Baseline = Mapping[str, Any]

#: Packages whose version changes how a model's graph looks, and with it the keys of its variables.
_GRAPHS = ("python", "poolwise", "pymc", "pytensor", "numpy")

#: What each option of a spec is called, and whether it can move a conclusion.
_OPTIONS = {
    "levels": ("the declared level", True),
    "expect": ("the expectation", False),
    "priors": ("the alternative priors", False),
    "quantities": ("the code of the quantity", True),
    "decisions": ("the code of the decision", True),
    "thresholds": ("the thresholds of", False),
}

_SIZES = {
    "draws": "draws per chain",
    "tune": "tuning steps per chain",
    "chains": "chains",
    "target_accept": "target acceptance",
    "prior_draws": "data sets simulated from the prior",
}


def find_causes(old: Baseline, new: Baseline) -> list[Cause]:
    """Return every difference in what the results depend on, the model first."""
    return [
        *_model(old, new),
        *_options(old, new),
        *_data(old, new),
        *_versions(old, new),
        *_settings(old, new),
        *_seed(old, new),
    ]


def same_graphs(old: Baseline, new: Baseline) -> bool:
    """Return whether keys of graphs and code mean the same in both runs."""
    return all(old["environment"].get(p) == new["environment"].get(p) for p in _GRAPHS)


def _model(old: Baseline, new: Baseline) -> Iterator[Cause]:
    before = {v["name"]: v for v in old["spec"]["variables"]}
    after = {v["name"]: v for v in new["spec"]["variables"]}
    keys = same_graphs(old, new)
    for name in dict.fromkeys((*before, *after)):
        a, b = before.get(name), after.get(name)
        if a is None or b is None:
            there = a or b
            assert there is not None
            said = f"{_role(there)} {name}"
            yield Cause(part="spec", what=said, old=_words(a), new=_words(b))
        elif (a["kind"], a["words"], a["dims"]) != (b["kind"], b["words"], b["dims"]):
            yield Cause(part="spec", what=f"{_role(b)} {name}", old=_words(a), new=_words(b))
        elif a["parameters"] != b["parameters"]:
            yield Cause(
                part="spec",
                what=f"{_role(b)} {name}",
                old=f"{a['words']} with {_exactly(a)}",
                new=f"{b['words']} with {_exactly(b)}",
            )
        elif keys and a["key"] != b["key"]:
            yield Cause(part="spec", what=f"how {name} is computed ({_words(b)})")
    if keys and list(before) != list(after) and set(before) == set(after):
        yield Cause(part="spec", what="the order of the variables")


def _role(variable: Mapping[str, Any]) -> str:
    if variable["kind"] == "free":
        return "the prior of" if variable["parameters"] is not None else "the distribution of"
    return {
        "observed": "the likelihood of",
        "deterministic": "the deterministic variable",
        "potential": "the potential",
    }[str(variable["kind"])]


def _words(variable: Mapping[str, Any] | None) -> str:
    if variable is None:
        return ""
    dims = f", one per {' and '.join(variable['dims'])}" if variable["dims"] else ""
    return f"{variable['words']}{dims}"


def _exactly(variable: Mapping[str, Any]) -> str:
    return ", ".join(f"{k}={v!r}" for k, v in (variable["parameters"] or {}).items())


def _options(old: Baseline, new: Baseline) -> Iterator[Cause]:
    before, after = (side["spec"]["keys"].get("options", {}) for side in (old, new))
    for option, (what, moves) in _OPTIONS.items():
        mine, theirs = before.get(option, {}), after.get(option, {})
        coded = option in ("quantities", "decisions", "priors")
        for name in dict.fromkeys((*mine, *theirs)):
            a, b = mine.get(name), theirs.get(name)
            if a is not None and b is not None:
                if a["key"] == b["key"]:
                    continue
                # Compiled code looks different under another Python.
                if coded and a["words"] == b["words"] and not same_graphs(old, new):
                    continue
            words = ["", ""] if a and b and not a["words"] else [_option(a), _option(b)]
            yield Cause(part="spec", what=f"{what} {name}", old=words[0], new=words[1], moves=moves)


def _option(entry: Mapping[str, str] | None) -> str:
    return "" if entry is None else entry["words"] or "declared"


def _data(old: Baseline, new: Baseline) -> Iterator[Cause]:
    before, after = old["spec"]["keys"], new["spec"]["keys"]
    elsewhere = not (old["spec"]["variables"] and new["spec"]["variables"])
    for part, what in (
        ("observed", "the observed data"),
        ("data", "the data"),
        ("coords", "the labels of"),
    ):
        for cause in _named(part, what, before, after):
            # The one key of all draws of a fit that was made elsewhere.
            drawn = elsewhere and cause.what == "the data posterior"
            yield replace(cause, what="the draws that were given") if drawn else cause
    arrays = ({v["name"]: v["arrays"] for v in s["spec"]["variables"]} for s in (old, new))
    mine, theirs = arrays
    for name in mine.keys() & theirs.keys():
        if mine[name] != theirs[name]:
            yield Cause(part="data", what=f"the arrays of numbers that {name} is computed from")


def _named(part: str, what: str, before: Baseline, after: Baseline) -> Iterator[Cause]:
    mine, theirs = before.get(part, {}), after.get(part, {})
    for name in dict.fromkeys((*mine, *theirs)):
        if mine.get(name) == theirs.get(name):
            continue
        there = ("there" if name in mine else "", "there" if name in theirs else "")
        differs = all(there)
        yield Cause(
            part="data",
            what=f"{what} {name}",
            old="" if differs else there[0],
            new="" if differs else there[1],
        )


def _versions(old: Baseline, new: Baseline) -> Iterator[Cause]:
    before, after = old["environment"], new["environment"]
    for package in dict.fromkeys((*before, *after)):
        if before.get(package) != after.get(package):
            yield Cause(
                part="versions",
                what=package,
                old=before.get(package, "not installed"),
                new=after.get(package, "not installed"),
            )


def _settings(old: Baseline, new: Baseline) -> Iterator[Cause]:
    before, after = old["settings"], new["settings"]
    for name in dict.fromkeys((*before, *after)):
        a, b = before.get(name), after.get(name)
        if a != b:
            yield Cause(part="settings", what=_SIZES.get(name, name), old=str(a), new=str(b))
    for name, what in (("tier", "the tier"), ("select", "--select"), ("ignore", "--ignore")):
        a, b = (side["asked"][name] for side in (old, new))
        if a != b:
            words = [v if isinstance(v, str) else ",".join(v) or "none" for v in (a, b)]
            yield Cause(
                part="settings", what=what, old=words[0], new=words[1], moves=name == "tier"
            )


def _seed(old: Baseline, new: Baseline) -> Iterator[Cause]:
    if old["seed"] != new["seed"]:
        yield Cause(part="seed", what="", old=str(old["seed"]), new=str(new["seed"]))


def remarks(old: Baseline, new: Baseline) -> Iterator[str]:
    """Yield what should be known about a comparison besides its causes."""
    if old["spec"]["name"] != new["spec"]["name"]:
        yield (
            f"The specs have different names: {old['spec']['name']} and {new['spec']['name']}; "
            "quantities are compared by name."
        )
    if "draws" in (old["asked"]["tier"], new["asked"]["tier"]):
        yield (
            "Draws were made elsewhere, without their model: what changed in it cannot be named."
        )
    elif not same_graphs(old, new):
        yield (
            "The model was compared by its distributions in words: graphs cannot be compared "
            "across versions of Python, PyMC, PyTensor, NumPy or poolwise."
        )
    keys = [side["spec"]["keys"] for side in (old, new)]
    if (
        keys[0].get("code") != keys[1].get("code")
        and not any(_model(old, new))
        and same_graphs(old, new)
    ):
        yield "The code of the spec changed, but the model it builds did not."
    for label, side in (("older", old), ("newer", new)):
        failed = {f["code"] for f in side["findings"] if f["verdict"] == "fail"}
        stuck = sorted(code for code in failed if code.startswith("SMP"))
        if stuck:
            yield (
                f"The sampler failed in the {label} run ({', '.join(stuck)}): its Monte Carlo "
                "errors, and what moved or did not, cannot be relied on."
            )
        if not side["estimates"]:
            yield f"The {label} run holds no posterior, so no conclusion can be compared."
        for level, groups in side["levels_not_listed"].items():
            yield (
                f"{counted(groups, 'group')} of {level} in the {label} run are compared through "
                "the summaries of the level only."
            )
