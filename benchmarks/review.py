"""A whole review against the script that a user would write for the same answers.

``python benchmarks/review.py`` prints a Markdown table: for eight schools and radon, in one warm
process, how long ``poolwise.review`` takes to its finished report, and how long plain PyMC and
ArviZ take for prior predictive draws, fit, posterior predictive draws, summaries, leave-one-out
cross-validation, power-scaling, and a refit with summaries under each of the same alternative
priors. The script pays nothing for what it leaves out (levels, pooling weights, variances, other
poolings, findings, figures). ``--quick`` samples three of the alternatives and scales to all.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

MODELS = Path(__file__).parents[1] / "tutorials" / "models"
SIZES: dict[str, Any] = {"draws": 1000, "tune": 1000, "chains": 4}
#: Alternatives that ``--quick`` really samples.
TIMED = 3


def main() -> None:
    """Measure and print."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["eight_schools", "radon"])
    parser.add_argument("--quick", action="store_true", help="scale from three alternatives")
    chosen = parser.parse_args()
    print("| model | alternatives | what | base | alternatives | in all | over poolwise |")
    print("|---|---|---|---|---|---|---|")
    for name in chosen.models:
        for row in _measured(name, TIMED if chosen.quick else None):
            print(row, flush=True)


def _measured(name: str, timed: int | None) -> list[str]:
    from poolwise.workflow.specs.loading import load_specs

    spec = load_specs(str(MODELS / f"{name}.py"))[0]
    _warm(spec)
    planned, one = _reviewed(spec, None)
    _, two = _reviewed(spec, 2)
    many = len(planned)
    rows = [
        _row(name, many, "`poolwise.review`", one, one),
        _row(name, many, "`poolwise.review`, 2 workers", two, one),
    ]
    for words, sampler in (
        ("script, `pm.sample` (nutpie)", "nutpie"),
        ("script, `pm.sample` (PyMC's NUTS)", "pymc"),
    ):
        script = _script(spec, planned if timed is None else planned[:timed], many, sampler)
        rows.append(_row(name, many, words, script, one))
    return rows


def _row(name: str, many: int, what: str, taken: tuple[float, float], ours: Any) -> str:
    base, sweep = taken
    ratio = (base + sweep) / sum(ours)
    return (
        f"| {name} | {many} | {what} | {base:.1f} s | {sweep:.1f} s | {base + sweep:.1f} s "
        f"| {ratio:.1f} × |"
    )


def _warm(spec: Any) -> None:
    """Pay imports and compilers before anything is timed."""
    import poolwise

    with tempfile.TemporaryDirectory() as folder:
        poolwise.review(spec, output=folder, draws=100, tune=100, chains=2)
    _base(spec.build(), "nutpie", draws=100)
    _base(spec.build(), "pymc", draws=100)


def _reviewed(spec: Any, workers: int | None) -> tuple[list[Any], tuple[float, float]]:
    """Return the alternatives of a review, and its seconds without and with its sweep."""
    import poolwise
    from poolwise.workflow.stages import sweep

    planned: list[Any] = []
    real: Callable[[Any], list[Any]] = sweep.planned

    def keeping(context: Any) -> list[Any]:
        planned[:] = real(context)
        return planned

    sweep.planned = keeping
    try:
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            finished = poolwise.review(spec, output=folder, workers=workers, **SIZES)
            total = time.perf_counter() - started
    finally:
        sweep.planned = real
    swept = {s.name: s.seconds for s in finished.record.stages}["prior sensitivity"]
    return planned, (total - swept, swept)


def _script(spec: Any, planned: list[Any], many: int, sampler: str) -> tuple[float, float]:
    """Return the seconds of the script for its base part and, scaled, for all alternatives."""
    from poolwise.workflow.priors.replacing import with_priors

    started = time.perf_counter()
    _base(spec.build(), sampler, draws=SIZES["draws"])
    base = time.perf_counter() - started
    started = time.perf_counter()
    for alternative in planned:
        _alternative(with_priors(spec.build(), alternative.replacements), sampler)
    return base, (time.perf_counter() - started) / len(planned) * many


def _fit(model: Any, sampler: str, draws: int) -> Any:
    import pymc as pm

    return pm.sample(
        **{**SIZES, "draws": draws, "tune": draws},
        model=model,
        nuts_sampler=sampler,
        target_accept=0.95,
        random_seed=1,
        progressbar=False,
    )


def _base(model: Any, sampler: str, draws: int) -> None:
    import arviz as az
    import pymc as pm

    with model:
        prior = pm.sample_prior_predictive(draws, random_seed=1)
        data = _fit(model, sampler, draws)
        data.update(pm.sample_posterior_predictive(data, random_seed=1, progressbar=False))
        data.update(prior)
        pm.compute_log_likelihood(data, progressbar=False)
        pm.compute_log_prior(data, progressbar=False)
    az.summary(data)
    az.loo(data)
    az.psense_summary(data)


def _alternative(model: Any, sampler: str) -> None:
    import arviz as az

    az.summary(_fit(model, sampler, SIZES["draws"]))


if __name__ == "__main__":
    main()
