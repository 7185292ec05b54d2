"""How long linting takes: a typical spec, and 5,000 groups with 100,000 rows.

Run it with ``python benchmarks/lint.py``. A fresh ``poolwise lint`` lints each spec; the time
that ``import pymc`` takes alone is printed beside it. Nothing here is a test: machines differ.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

TYPICAL = Path(__file__).parents[1] / "tutorials" / "models" / "eight_schools.py"
REPEATS = 3

LARGE = """
import numpy as np
import pymc as pm

GROUPS, ROWS = 5_000, 100_000
RNG = np.random.default_rng(1)
GROUP, X = RNG.integers(0, GROUPS, ROWS), RNG.normal(size=ROWS)
Y = 1 + 0.5 * X + RNG.normal(size=GROUPS)[GROUP] + RNG.normal(size=ROWS)


def large() -> pm.Model:
    with pm.Model(coords={"group": range(GROUPS)}) as model:
        a, b = pm.Normal("a", 0, 5), pm.Normal("b", 0, 1)
        tau, sigma = pm.HalfNormal("tau", 1), pm.HalfNormal("sigma", 1)
        z = pm.Normal("z", 0, 1, dims="group")
        pm.Normal("y", a + b * X + tau * z[GROUP], sigma, observed=Y)
    return model
"""


def seconds(*command: str) -> float:
    """Return the shortest of some runs of a command."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *command], check=False, capture_output=True)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print the times."""
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.py"
        large.write_text(LARGE, encoding="utf-8")
        alone = seconds("-c", "import pymc")
        print("| | seconds | beyond importing PyMC |")
        print("|---|---|---|")
        print(f"| import pymc | {alone:.1f} | |")
        for name, spec in (("eight schools", TYPICAL), ("5,000 groups, 100,000 rows", large)):
            took = seconds("-m", "poolwise.workflow.cli", "lint", str(spec))
            print(f"| poolwise lint, {name} | {took:.1f} | {took - alone:.1f} |")


if __name__ == "__main__":
    main()
