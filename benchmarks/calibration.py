"""Calibration: does it see a seeded fault, does it leave a right program alone, how fast is it?

``python benchmarks/calibration.py faults [--repetitions 20]`` calibrates eight schools with 100
simulations of 1 × (600 + 300) draws, ``repetitions`` times each

- as it is (a right program);
- with a program whose school effects are ``mu + 1.5 * tau * z``;
- with a program whose prior of tau is half as wide.

Data always come from the right model. ``python benchmarks/calibration.py speed`` times 200 fits
against simuk with the same settings: poolwise after its one compilation and with it; simuk on a
few fits, after one that pays for what is compiled once, scaled to 200.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

MODELS = Path(__file__).parents[1] / "tutorials" / "models"
SIMULATIONS = 100
SMALL: dict[str, Any] = {"draws": 300, "tune": 600, "chains": 1}

#: Fits of simuk that are timed.
TIMED = 4


def eight_schools(factor: float = 1.0, prior: float = 5.0) -> Callable[[], Any]:
    """Return a builder of eight schools, perhaps with a fault in tau."""

    def build() -> Any:
        import numpy as np
        import pymc as pm

        y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
        sigma = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
        with pm.Model(coords={"school": list("ABCDEFGH")}) as model:
            mu = pm.Normal("mu", 0, 5)
            tau = pm.HalfCauchy("tau", prior)
            z = pm.Normal("z", 0, 1, dims="school")
            theta = pm.Deterministic("theta", mu + factor * tau * z, dims="school")
            # Data that can be replaced, for simuk; poolwise needs none.
            pm.Normal("y", theta, sigma, observed=pm.Data("y_data", y, dims="school"))
        return model

    return build


def faults(repetitions: int, folder: Path) -> None:
    """Count how many repetitions are flagged."""
    import numpy as np
    import xarray as xr

    from poolwise.checks import REGISTRY, Evidence, Verdict
    from poolwise.workflow.calibration import calibrate
    from poolwise.workflow.specs.spec import ModelSpec

    right = ModelSpec(build=eight_schools(), name="right")
    cases = {
        "none: a right program": right,
        "effects are mu + 1.5 · tau · z": ModelSpec(build=eight_schools(1.5), name="factor"),
        "prior of tau half as wide": ModelSpec(build=eight_schools(1.0, 2.5), name="prior"),
    }
    print(
        "| fault in the program | flagged | failed (p < 0.01) | worst quantity | fits | minutes |"
    )
    print("|---|---|---|---|---|---|")
    for case, spec in cases.items():
        started = time.perf_counter()
        run = calibrate(
            spec,
            simulator=None if spec is right else right,
            simulations=repetitions * SIMULATIONS,
            output=folder / spec.name,
            seed=1,
            **SMALL,
        )
        flagged = failed = 0
        worst: list[str] = []
        for k in range(repetitions):
            part = run.data.isel(simulation=slice(k * SIMULATIONS, (k + 1) * SIMULATIONS))
            evidence = Evidence(xr.DataTree.from_dict({"calibration": part}))
            verdicts = {f.verdict for f in REGISTRY["CAL901"].run(evidence)}
            assert not verdicts & {Verdict.INCONCLUSIVE, Verdict.SKIPPED, Verdict.ERROR}
            flagged += verdicts != {Verdict.PASS}
            failed += Verdict.FAIL in verdicts
            worst.append(evidence.get("calibrated")[0].label)
        names, often = np.unique(worst, return_counts=True)
        most = names[np.argmax(often)]
        minutes = (time.perf_counter() - started) / 60
        fits = int((run.data["status"] == "fitted").sum())
        print(
            f"| {case} | {flagged} of {repetitions} | {failed} | {most} ({often.max()} times) "
            f"| {fits} | {minutes:.1f} |",
            flush=True,
        )


def speed(fits: int) -> None:
    """Time fits against simuk."""
    import simuk

    from poolwise.workflow.calibration import calibrate

    print(f"| fits of eight schools | poolwise, {fits} | with compiling | simuk, {fits} | ratio |")
    print("|---|---|---|---|---|")
    for draws, tune, chains in ((1000, 500, 1), (1000, 1000, 4)):
        sizes = {"draws": draws, "tune": tune, "chains": chains}
        clock = _Clock()
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            calibrate(
                eight_schools(), simulations=fits, output=folder, seed=1, watcher=clock, **sizes
            )
            whole = time.perf_counter() - started
        warm = clock.last - clock.first
        ours = warm * fits / (fits - 1)
        times = []
        for many in (1, 1, 1 + TIMED):
            sbc = simuk.SBC(
                eight_schools()(),
                num_simulations=many,
                sample_kwargs={**sizes, "target_accept": 0.95, "progressbar": False},
                seed=1,
                progress_bar=False,
                keep_fits=False,
            )
            started = time.perf_counter()
            sbc.run_simulations()
            times.append(time.perf_counter() - started)
        theirs = (times[2] - times[1]) / TIMED * fits
        print(
            f"| {chains} × ({tune} + {draws}) | {ours:.1f} s | {whole:.1f} s | {theirs:.0f} s "
            f"| {theirs / ours:.0f} × ({theirs / whole:.0f} ×) |",
            flush=True,
        )


class _Clock:
    """Notes when the first and the last fit were finished."""

    first = last = 0.0

    def begins(self, stage: str) -> None:
        """Nothing."""

    def reports(self, label: str, done: int, total: int) -> None:
        """Note the time."""
        if label.endswith("fits"):
            self.last = time.perf_counter()
            self.first = self.first or self.last

    def ends(self, record: Any) -> None:
        """Nothing."""


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["faults", "speed", "all"], nargs="?", default="all")
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="Keeps finished fits, to go on with.")
    parser.add_argument("--quick", action="store_true", help="2 repetitions, 20 fits.")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.what in ("speed", "all"):
        speed(20 if options.quick else 200)
    if options.what in ("faults", "all"):
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.folder or Path(temporary)
            faults(2 if options.quick else options.repetitions, folder)


if __name__ == "__main__":
    sys.exit(main())
