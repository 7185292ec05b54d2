"""How often the checks of a review speak up when the model is right.

Data are drawn from the prior of normal groups and reviewed with draws from the exact posterior, so
that neither the model nor the sampler is at fault. What is left are alarms of the checks
themselves, and things that are true of small data: few groups do say little about their spread.
Run it with ``python benchmarks/review_false_alarms.py``; it prints the table of
``review-false-alarms.md``. Nothing here is a test.
"""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import numpy as np

from poolwise.checks import REGISTRY, Evidence, Verdict, examples, run_checks

REPETITIONS = 30

#: Groups, and scales of the priors of location and spread.
SETTINGS = [(8, 5.0, 5.0), (30, 5.0, 5.0), (8, 100.0, 25.0), (30, 100.0, 25.0)]


def well_specified(groups: int, mu_scale: float, tau_scale: float, seed: int) -> Evidence:
    """Return a run of a model whose data were drawn from its own prior."""
    rng = np.random.default_rng(seed)
    sigma = rng.uniform(9, 18, groups)
    tau = abs(tau_scale * rng.standard_cauchy())
    theta = rng.normal(rng.normal(0, mu_scale), tau, groups)
    return examples.eight_schools(
        y=tuple(rng.normal(theta, sigma)),
        sigma=tuple(sigma),
        mu_scale=mu_scale,
        tau_scale=tau_scale,
        sweep_scales=(tau_scale / 2, tau_scale * 2),
        seed=seed,
    )


def tally(setting: tuple[int, float, float]) -> dict[str, Counter[Verdict]]:
    """Count, per check, the reviews in which it gave each verdict at least once."""
    counts: dict[str, Counter[Verdict]] = {code: Counter() for code in REGISTRY}
    for repetition in range(REPETITIONS):
        found: dict[str, set[Verdict]] = {}
        for finding in run_checks(well_specified(*setting, seed=1000 + repetition)):
            found.setdefault(finding.code, set()).add(finding.verdict)
        for code, verdicts in found.items():
            counts[code].update(verdicts)
    return counts


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    results = [tally(setting) for setting in SETTINGS]
    heads = [f"J = {j}, priors ({m:g}, {t:g})" for j, m, t in SETTINGS]
    print(f"| check | {' | '.join(heads)} |")
    print("|---" * (len(heads) + 1) + "|")
    for code in REGISTRY:
        cells = [_cell(result[code]) for result in results]
        if any(cells):
            print(f"| {code} {REGISTRY[code].name.replace('_', ' ')} | {' | '.join(cells)} |")


def _cell(counts: Counter[Verdict]) -> str:
    loud: list[Any] = [Verdict.FAIL, Verdict.WARN, Verdict.NOTE, Verdict.INCONCLUSIVE]
    return ", ".join(f"{counts[v]} {v.value}" for v in loud if counts[v])


if __name__ == "__main__":
    main()
