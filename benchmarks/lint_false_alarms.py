"""How often the rules fire on models that are well specified: 54 Bambi models.

Three families, 6, 15 and 40 groups, 2, 10 and 60 rows per group, both parametrisations, Bambi's
default priors, data simulated from the same model. Run it with
``python benchmarks/lint_false_alarms.py``; it prints the table of ``lint-false-alarms.md``. With
``--fit`` it fits the centred models, too, and prints what the sampler says of them (two minutes).
"""

from __future__ import annotations

import itertools
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from poolwise import ModelSpec
from poolwise.checks import REGISTRY, Verdict
from poolwise.checks.spec import OPT_IN
from poolwise.workflow.lint import lint

FAMILIES = ("gaussian", "poisson", "bernoulli")
GROUPS, ROWS = (6, 15, 40), (2, 10, 60)
INTERCEPT, SLOPE, BETWEEN, NOISE = 0.5, 0.4, 0.7, 1.0


def simulated(family: str, groups: int, rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return data from the model that is then linted."""
    group = np.repeat(np.arange(groups), rows)
    x = rng.normal(size=group.size)
    predictor = INTERCEPT + SLOPE * x + BETWEEN * rng.normal(size=groups)[group]
    y: Any
    if family == "gaussian":
        y = predictor + NOISE * rng.normal(size=group.size)
    elif family == "poisson":
        y = rng.poisson(np.exp(predictor))
    else:
        y = rng.binomial(1, 1 / (1 + np.exp(-predictor)))
    return pd.DataFrame({"y": y, "x": x, "group": group.astype(str)})


def specs() -> Iterator[tuple[str, ModelSpec]]:
    """Yield the 54 models with a label each."""
    import bambi

    for k, (family, groups, rows) in enumerate(itertools.product(FAMILIES, GROUPS, ROWS)):
        data = simulated(family, groups, rows, np.random.default_rng(k))
        for noncentered in (True, False):
            model = bambi.Model("y ~ x + (1|group)", data, family=family, noncentered=noncentered)
            model.build()
            form = "non-centred" if noncentered else "centred"
            label = f"{family}, {groups} groups, {rows} rows, {form}"
            yield label, ModelSpec(build=lambda built=model: built.backend.model, name=label)


def study() -> tuple[int, list[tuple[str, str, Verdict, str]]]:
    """Return the number of models and every finding: label, code, verdict, message."""
    models, found = 0, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for label, spec in specs():
            models += 1
            found += [
                (label, f.code, f.verdict, f.message)
                for f in lint(spec)
                if f.verdict in (Verdict.NOTE, Verdict.WARN, Verdict.FAIL, Verdict.ERROR)
            ]
    return models, found


def share_alarmed(models: int, found: list[tuple[str, str, Verdict, str]]) -> float:
    """Return the share of all answers, rules times models, that are warnings or errors."""
    rules = sum(code.startswith("SPC") and code not in OPT_IN for code in REGISTRY)
    alarms = {(label, code) for label, code, verdict, _ in found if verdict is not Verdict.NOTE}
    return len(alarms) / (rules * models)


def table() -> str:
    """Return the study as a Markdown table."""
    models, found = study()
    counts = Counter((code, verdict.value) for _, code, verdict, _ in found)
    alarmed = {label for label, _, verdict, _ in found if verdict is not Verdict.NOTE}
    lines = ["| rule | verdict | models of 54 | share |", "|---|---|---|---|"]
    for (code, verdict), count in sorted(counts.items()):
        name = REGISTRY[code].name.replace("_", " ")
        lines.append(f"| {code} {name} | {verdict} | {count} | {count / models:.0%} |")
    lines += [
        f"| any warning or error | | {len(alarmed)} | {len(alarmed) / models:.0%} |",
        f"| answers (rules × models) that alarm | | | {share_alarmed(models, found):.2%} |",
    ]
    return "\n".join(lines)


def fitted() -> Iterator[str]:
    """Yield what happens to each centred model when it is sampled with default settings."""
    import arviz as az
    import nutpie

    flagged = {label for label, code, _, _ in study()[1] if code == "SPC301"}
    for label, spec in specs():
        if not label.endswith(", centred"):
            continue
        compiled = nutpie.compile_pymc_model(spec.build())
        fit = nutpie.sample(compiled, draws=1000, tune=1000, chains=4, seed=1, progress_bar=False)
        scale = fit["posterior"].to_dataset()[["1|group_sigma"]]
        effective = float(az.ess(scale)["1|group_sigma"])
        divergences = int(fit["sample_stats"]["diverging"].sum())
        yield (
            f"| {label} | {'yes' if label in flagged else ''} | {effective:.0f} | {divergences} |"
        )


if __name__ == "__main__":
    print(table())
    for line in study()[1]:
        print(*line, sep=" | ")
    if "--fit" in sys.argv:
        print("| model | SPC301 | effective draws of the scale | divergences |")
        print(*fitted(), sep="\n")
