"""Power-scaling by fits under both powers: triggered, right, resumed, and refused with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import nutpie
import pymc as pm
import pytest
import xarray as xr

import poolwise
from poolwise import Level
from poolwise.checks import Evidence
from poolwise.checks.draws import Array
from poolwise.checks.hierarchy import read_hierarchy, roles
from poolwise.checks.power_distance import POWERS
from poolwise.checks.powers import PowerScaling
from poolwise.workflow.execution.programs import Program
from poolwise.workflow.review import add_conclusions
from poolwise.workflow.runner import Outcome, run_stages, whole_tree
from poolwise.workflow.runs import store
from poolwise.workflow.runs.fingerprint import model_key
from poolwise.workflow.sampler import Sampler
from poolwise.workflow.settings import Settings
from poolwise.workflow.specs.spec import ModelSpec
from poolwise.workflow.stages.fit import Fit
from poolwise.workflow.stages.hierarchy import Levels
from poolwise.workflow.stages.power_scaling import PowerScaling as Stage
from poolwise.workflow.stages.stage import Context

#: Eight schools that differ by hundreds of thousands of points, while the prior of their spread
#: says one: prior and data are in a conflict that no reweighting by a percent can follow.
Y = 30_000 * np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
SD = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
MU_SCALE = 1e6
SIZE = 2000


@poolwise.spec(
    levels={"school": Level(effect="theta", location="mu", scale="tau")},
    quantities={"best": lambda post: post["theta"].max("school")},
)
def conflict() -> pm.Model:
    with pm.Model(coords={"school": list("ABCDEFGH")}) as model:
        mu = pm.Normal("mu", 0, MU_SCALE)
        tau = pm.HalfNormal("tau", 1)
        theta = pm.Normal("theta", mu, tau, dims="school", initval=Y)
        pm.Normal("y", theta, SD, observed=Y, dims="school")
    return model


def context_of(spec: ModelSpec, folder: Path, sampler: Sampler | None = None) -> Context:
    model = spec.build()
    hierarchy = read_hierarchy(model, **spec.declared)
    role = roles(model, hierarchy)
    store.prepare(folder)
    program = Program(model, role.top_level, spec=spec, hierarchy=hierarchy, roles=role)
    return Context(
        spec=spec,
        model=model,
        settings=Settings(draws=SIZE // 4, tune=500, seed=5),
        hierarchy=hierarchy,
        roles=role,
        sampler=sampler or Sampler(program),
        model_key=model_key(model),
        folder=folder / "stages",
    )


def scaling_of(context: Context, outcome: Outcome) -> PowerScaling:
    add_conclusions(context.spec, outcome)
    declared = {"top_level_priors": context.roles.top_level}
    evidence = Evidence(whole_tree(outcome.groups), declared, outcome.reasons)
    found: PowerScaling = evidence.get("power_scaling")
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Context, PowerScaling]:
    folder = tmp_path_factory.mktemp("conflict")
    context = context_of(conflict, folder)
    outcome = run_stages(context, stages=(Fit(), Levels(), Stage()))
    assert [s.status for s in outcome.stages] == ["done"] * 3
    assert not outcome.gaps
    engine = context.sampler.engine
    assert engine is not None
    assert engine.compilations == 1
    return context, scaling_of(context, outcome)


def exact_of_tau(mu_power: float) -> float:
    """Sensitivity of tau by quadrature: effects and location are integrated in closed form.

    Gelman et al. (2013), section 5.4. With ``mu_power`` 1 the prior of mu is scaled as well.
    """
    tau = np.linspace(100, 3000, 60_001)

    def distribution(power: float) -> Array:
        mu_scale = MU_SCALE / np.sqrt(power**mu_power)
        precision = 1 / (SD**2 + tau[:, None] ** 2)
        total = precision.sum(1) + 1 / mu_scale**2
        mean = (precision * Y).sum(1) / total
        log_density = 0.5 * np.log(precision).sum(1) - 0.5 * np.log(total) - power * tau**2 / 2
        log_density -= 0.5 * ((precision * Y**2).sum(1) - mean**2 * total)
        mass = np.cumsum(np.exp(log_density - log_density.max()))
        return np.asarray(mass / mass[-1])

    base = distribution(1.0)
    rare = np.exp(-np.euler_gamma) / SIZE
    slopes = []
    for power in POWERS:
        other = distribution(power)
        pair = np.stack([base, other])
        inside = (pair.max(0) >= rare) & (pair.min(0) <= 1 - rare)
        distances = []
        for p, q in (pair, 1 - pair):
            m = (p + q) / 2
            with np.errstate(divide="ignore", invalid="ignore"):
                nats = np.nan_to_num(p * np.log(p / m)) + np.nan_to_num(q * np.log(q / m))
            distances.append(nats[inside].sum() / np.log(2) / (p + q)[inside].sum())
        slopes.append(np.sqrt(max(distances)) / abs(np.log2(power)))
    return float(np.mean(slopes))


@pytest.mark.slow
def test_a_conflict_is_fitted_again_and_agrees_with_quadrature(run: Any) -> None:
    _, scaling = run
    tau = scaling.labels.index("tau")
    for part, mu_power in ((scaling.each_prior["tau"], 0), (scaling.prior, 1)):
        assert part.pareto_k > scaling.largest_k
        assert part.refitted
        assert not part.why_open
        difference = part.sensitivity[tau] - exact_of_tau(mu_power)
        assert abs(difference) < 4 * part.mcse[tau], (part.name, difference, part.mcse[tau])
    # What has good weights is not fitted again.
    assert not scaling.likelihood.refitted
    assert not scaling.each_prior["mu"].refitted
    assert np.isfinite(scaling.prior.sensitivity[scaling.labels.index("best")])


@pytest.mark.slow
def test_finished_fits_are_not_made_again(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, before = run
    kept = sorted(first.folder.glob("power-fit-*.nc"))
    assert len(kept) == 4
    # Interrupted: the stage did not end, and one fit was not finished.
    for path in (*first.folder.glob("power-scaling-*.nc"), kept[0]):
        path.unlink()
    written = {path: path.stat().st_mtime_ns for path in kept[1:]}
    fits = []
    real = nutpie.sample

    def counting(*arguments: Any, **options: Any) -> Any:
        fits.append(1)
        return real(*arguments, **options)

    monkeypatch.setattr(nutpie, "sample", counting)
    # The program is the one that is compiled already.
    context = context_of(conflict, first.folder.parent, first.sampler)
    outcome = run_stages(context, stages=(Fit(), Levels(), Stage()))
    assert [s.status for s in outcome.stages] == ["cached", "cached", "done"]
    assert len(fits) == 1
    assert {path: path.stat().st_mtime_ns for path in written} == written
    for one, other in zip(scaling_of(context, outcome).parts, before.parts, strict=True):
        np.testing.assert_array_equal(one.sensitivity, other.sensitivity)


def test_what_cannot_be_switched_stays_open_with_the_reason(tmp_path: Path) -> None:
    def build() -> pm.Model:
        with pm.Model() as model:
            width = pm.HalfNormal("width", 1)
            mu = pm.SkewNormal("mu", alpha=2, mu=0, sigma=1)
            pm.Potential("extra", -(mu**2))
            pm.Normal("y", mu, width, observed=[1.0, 2.0])
        return model

    rng = np.random.default_rng(2)
    draws, dims = {n: rng.normal(size=(4, 500)) for n in ("width", "mu", "tail")}, ("chain", "draw")
    heavy = -np.exp(3 * draws["tail"])
    groups = {
        "posterior": {"width": draws["width"], "mu": draws["mu"]},
        "log_prior": {"width": -(draws["width"] ** 2), "mu": heavy},
        "log_likelihood": {"y": heavy[..., None]},
    }
    context = context_of(ModelSpec(build=build, name="fixed"), tmp_path)
    context.groups |= {
        group: xr.Dataset({n: ((*dims, "row")[: v.ndim], v) for n, v in variables.items()})
        for group, variables in groups.items()
    }
    scaling = scaling_of(context, run_stages(context, stages=(Stage(),)))
    reasons = {part.name: part.why_open for part in scaling.parts}
    assert reasons["width"] == ""
    assert "the prior of mu is fixed: its prior has no constant parameters" in reasons["mu"]
    assert "the prior of mu is fixed" in reasons["all hyperpriors"]
    assert "extra may be a part of the likelihood" in reasons["likelihood"]
    assert np.isnan(scaling.likelihood.sensitivity).all()
