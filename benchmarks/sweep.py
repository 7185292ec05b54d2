"""A sweep over alternative priors against the loop a user would write.

``python benchmarks/sweep.py`` prints, for eight schools and radon, how long poolwise takes for all
its alternatives once the base fit is there, and how long rebuilding and sampling the model for
each of them takes, with ``pm.sample`` (its own NUTS, and nutpie), with nutpie compiled for each,
and with nutpie compiled for each family of priors, whose parameters are data. All in one warm
process; the loops are timed on the first few alternatives and scaled to all of them.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

MODELS = Path(__file__).parents[1] / "tutorials" / "models"
SIZES: dict[str, Any] = {"draws": 1000, "tune": 1000, "chains": 4}
#: Alternatives of the sweep.
MOST = 25

#: Alternatives of each loop that are really sampled.
TIMED = 3


def main() -> None:
    """Measure and print."""
    warnings.simplefilter("ignore")
    for name in sys.argv[1:] or ["eight_schools", "radon"]:
        _measure(name)


def _measure(name: str) -> None:
    import nutpie
    import pymc as pm

    from poolwise.workflow.review import review
    from poolwise.workflow.specs.loading import load_specs
    from poolwise.workflow.stages import sweep

    spec = load_specs(str(MODELS / f"{name}.py"))[0]
    # Warm: imports and compilers are paid before anything is timed.
    nutpie.sample(nutpie.compile_pymc_model(spec.build()), draws=10, tune=10, progress_bar=False)
    planned: list[Any] = []
    real = sweep.planned
    sweep.planned = lambda context: planned or planned.extend(real(context)[:MOST]) or planned
    try:
        with tempfile.TemporaryDirectory() as folder:
            finished = review(spec, output=folder, **SIZES)
    finally:
        sweep.planned = real
    seconds = {s.name: s.seconds for s in finished.record.stages}
    fits = finished.record.evidence.get("sweep")
    refits = sum(f.attrs["source"] != "umbrella" for f in fits.values())
    many, ours = len(planned), seconds["prior sensitivity"]
    print(f"{name}: {many} alternatives, {refits} fitted again")
    print(f"  base fit, compilation included    {seconds['fit']:8.1f} s")
    print(
        f"  poolwise, all alternatives        {ours:8.1f} s  {ours / seconds['fit']:.2f} × the fit"
    )
    loops: dict[str, Callable[[Any], None]] = {
        "pm.sample, its own NUTS": lambda model: _with_pymc(pm, model, "pymc"),
        "pm.sample, nutpie": lambda model: _with_pymc(pm, model, "nutpie"),
        "nutpie, compiled for each": lambda model: _with_nutpie(nutpie, model),
    }
    for words, sample in loops.items():
        each = _loop(spec, planned, sample)
        print(f"  {words:<34}{each * many:8.1f} s  {each * many / ours:.0f} × poolwise")
    total = _with_data(name, planned)
    words = "nutpie, priors as data"
    print(f"  {words:<34}{total:8.1f} s  {total / ours:.0f} × poolwise")


def _loop(spec: Any, planned: list[Any], sample: Callable[[Any], None]) -> float:
    """Return seconds for each alternative, after one that is not counted."""
    from poolwise.workflow.priors.replacing import with_priors

    sample(spec.build())
    started = time.perf_counter()
    for alternative in planned[:TIMED]:
        sample(with_priors(spec.build(), alternative.replacements))
    return (time.perf_counter() - started) / TIMED


def _with_data(name: str, planned: list[Any]) -> float:
    """Return seconds for all alternatives by a program for each combination of families.

    What the most careful script does: parameters of priors are data, and only families are compiled
    again. One program is compiled and sampled twice; the rest is scaled.
    """
    from agreement import CASES, Alone, written

    wanted = [{r.parameter: written(r) for r in a.replacements} for a in planned]
    families = {tuple(sorted((n, f) for n, (f, _) in one.items())) for one in wanted}
    alone, times = Alone(CASES[name], **SIZES), []
    for _ in range(2):
        started = time.perf_counter()
        alone.fit(wanted[0], seed=1)
        times.append(time.perf_counter() - started)
    compiling = max(times[0] - times[1], 0.0)
    return compiling * len(families) + times[1] * len(planned)


def _with_pymc(pm: Any, model: Any, sampler: str) -> None:
    pm.sample(
        **SIZES,
        model=model,
        nuts_sampler=sampler,
        target_accept=0.95,
        random_seed=1,
        progressbar=False,
        compute_convergence_checks=False,
    )


def _with_nutpie(nutpie: Any, model: Any) -> None:
    compiled = nutpie.compile_pymc_model(model)
    nutpie.sample(compiled, **SIZES, target_accept=0.95, seed=1, progress_bar=False)


if __name__ == "__main__":
    main()
