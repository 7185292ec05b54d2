"""Calibration against a posterior in closed form, and what a run leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import nutpie
import pymc as pm
import pytest
from click.testing import CliRunner
from scipy import stats

import poolwise
from poolwise.checks import Verdict
from poolwise.checks.hierarchy import python_mode, read_hierarchy, roles
from poolwise.checks.ranks import Ranks, ranks
from poolwise.workflow.calibration import calibrate
from poolwise.workflow.calibration.asked import quantities_of
from poolwise.workflow.calibration.datasets import again, doubled, with_data
from poolwise.workflow.calibration.plan import Plan, planned
from poolwise.workflow.calibration.simulating import Simulator
from poolwise.workflow.cli import main
from poolwise.workflow.engine import Draws, Engine, sample_arrays
from poolwise.workflow.execution.programs import Program
from poolwise.workflow.settings import Settings
from poolwise.workflow.specs.loading import as_spec

SEEN = np.array([0.3, -0.8, 1.4, 0.9, 2.2])
SIZES: dict[str, Any] = {"draws": 300, "tune": 300, "chains": 1}


def normal_mean() -> pm.Model:
    """Five rows around a mean that is N(0, 1): the posterior is N(5/6 of their mean, 1/6)."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 1)
        pm.Normal("y", mu, 1, observed=SEEN)
    return model


def mean_with_wrong_noise() -> pm.Model:
    """Return the same model, but for a variance that is given as a standard deviation."""
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 1)
        pm.Normal("y", mu, 0.25, observed=SEEN)
    return model


def groups() -> pm.Model:
    with pm.Model(coords={"school": list("ABC")}) as model:
        mu = pm.Normal("mu", 0, 2)
        tau = pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="school")
        theta = pm.Deterministic("theta", mu + tau * z, dims="school")
        pm.Normal("y", theta[[0, 0, 1, 1, 2]], 0.7, observed=SEEN)
    return model


def program(build: Any) -> Program:
    spec = as_spec(build)
    model = spec.build()
    hierarchy = read_hierarchy(model, **spec.declared)
    role = roles(model, hierarchy)
    return Program(model, role.top_level, spec=spec, hierarchy=hierarchy, roles=role)


def numbers(run: poolwise.Calibration) -> np.ndarray:
    return np.concatenate([run.data[n].values.ravel() for n in ("truth", "mean", "pit")])


def prior_plan(build: Any) -> Plan:
    return planned(as_spec(build), Settings(**SIZES), 10, "prior", None)


def schema(name: str) -> Any:
    text = resources.files("poolwise.reports").joinpath(f"schema/{name}.schema.json").read_text()
    return json.loads(text)


def assert_follows_its_schema(record: Any) -> None:
    jsonschema.validate(record, schema("calibration"))


def test_a_finding_of_a_calibration_is_described_as_that_of_a_review() -> None:
    mine, theirs = schema("calibration"), schema("run")
    for part in ("finding", "verdict"):
        assert mine["$defs"][part] == theirs["$defs"][part]
    jsonschema.Draft202012Validator.check_schema(mine)


class TestRanks:
    def test_counts_independent_draws(self) -> None:
        draws = np.random.default_rng(0).normal(size=(2, 2, 4000))
        found = ranks(np.array([0.5, -1.0]), draws)
        assert (found.kept > 4000).all()
        expected = stats.binom(found.kept, stats.norm.cdf([0.5, -1.0]))
        assert (expected.ppf(1e-4) <= found.below).all()
        assert (found.below <= expected.ppf(1 - 1e-4)).all()

    def test_thins_sticky_draws_to_as_many_as_are_effective(self) -> None:
        rng = np.random.default_rng(1)
        noise = rng.normal(size=(1, 1, 20_000))
        walk = noise.copy()
        for t in range(1, walk.shape[-1]):
            walk[..., t] = 0.9 * walk[..., t - 1] + np.sqrt(1 - 0.81) * noise[..., t]
        # An AR(1) process has n (1 - rho) / (1 + rho) effective draws.
        assert ranks(np.zeros(1), walk).kept == pytest.approx(20_000 / 19, rel=0.2)

    def test_ties_are_broken_evenly(self) -> None:
        rng = np.random.default_rng(2)
        values = rng.integers(0, 3, size=(2000, 21))
        truths, draws = values[:, :1], values[:, 1:]
        below, ties = (draws < truths).sum(axis=1), (draws == truths).sum(axis=1)
        found = Ranks(below, ties, np.full(2000, 20), np.full(2000, 20.0))
        assert stats.kstest(found.pit(rng.uniform(size=2000)), "uniform").pvalue > 1e-3

    def test_draws_that_never_move_carry_one_value(self) -> None:
        found = ranks(np.array([1.0, 2.0]), np.ones((2, 2, 100)))
        assert found.below.tolist() == [0, 1]
        assert found.ties.tolist() == [1, 0]
        assert found.kept.tolist() == [1, 1]


class TestSimulating:
    def test_data_follow_their_prior_predictive(self) -> None:
        simulator = Simulator(normal_mean())
        found = [simulator.from_prior(i) for i in range(2000)]
        means = np.array([s.data["y"].mean() for s in found])
        truths = np.array([float(s.truth["mu"]) for s in found])
        assert stats.kstest(means, stats.norm(0, np.sqrt(1.2)).cdf).pvalue > 1e-3
        assert stats.kstest((means - truths) * np.sqrt(5), stats.norm.cdf).pvalue > 1e-3

    def test_a_seed_gives_one_simulation_whatever_came_before(self) -> None:
        one, other = Simulator(groups()), Simulator(groups())
        other.from_prior(3)
        assert np.array_equal(one.from_prior(7).data["y"], other.from_prior(7).data["y"])

    def test_data_given_parameters_are_theirs(self) -> None:
        simulator = Simulator(groups())
        truth = {"mu": np.array(100.0), "tau": np.array(0.0), "z": np.zeros(3)}
        found = np.array([simulator.given(truth, i).data["y"] for i in range(500)])
        assert stats.kstest(((found - 100) / 0.7).ravel(), stats.norm.cdf).pvalue > 1e-3

    def test_what_overflows_is_lost_and_costs_no_other(self) -> None:
        with pm.Model() as model:
            rate = pm.Normal("rate", 0, 60)
            pm.Poisson("y", pm.math.exp(rate), observed=[1, 2, 3])
        simulator = Simulator(model)
        found = [simulator.from_prior(i) for i in range(60)]
        lost = [bool(s.lost) for s in found]
        assert any(lost)
        assert not all(lost)
        assert any(s.constant for s in found)

    def test_data_are_replaced_in_a_copy(self) -> None:
        model = groups()
        other = with_data(model, {"y": np.arange(5.0)})
        point = {n: v + 0.3 for n, v in model.initial_point(0).items()}
        mean = 0.3 + np.exp(point["tau_log__"]) * 0.3
        for this, data in ((model, SEEN), (other, np.arange(5.0))):
            found = this.compile_logp(vars=this.observed_RVs, mode=python_mode())(point)
            assert found == pytest.approx(stats.norm(mean, 0.7).logpdf(data).sum())


class TestQuantities:
    def test_log_densities_are_those_written_out(self) -> None:
        asked = quantities_of(program(groups))
        truth = {
            "mu": np.array(0.5),
            "tau": np.array(1.5),
            "z": np.array([0.1, -2.0, 1.0]),
            "theta": 0.5 + 1.5 * np.array([0.1, -2.0, 1.0]),
        }
        data = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
        asked_for = asked.at(truth, {"y": data})
        found = dict(zip(asked_for.labels, asked_for.values[:, 0, 0], strict=True))
        theta = truth["theta"]
        likelihood = stats.norm(theta[[0, 0, 1, 1, 2]], 0.7).logpdf(data).sum()
        prior = (
            stats.norm(0, 2).logpdf(0.5)
            + stats.halfnorm(scale=1).logpdf(1.5)
            + stats.norm.logpdf(truth["z"]).sum()
        )
        assert found["log-likelihood"] == pytest.approx(likelihood)
        assert found["log posterior"] == pytest.approx(likelihood + prior)
        assert found["theta[B]"] == theta[1]
        assert found["school: sd of effects"] == pytest.approx((theta - 0.5).std(ddof=1))
        signal = 1.5**2 * np.array([2, 2, 1]) / 0.49
        assert found["school: mean weight"] == pytest.approx(np.mean(signal / (1 + signal)))

    def test_two_sets_of_data_multiply(self) -> None:
        asked = quantities_of(program(normal_mean))
        sets = [np.arange(5.0), SEEN]
        found = asked.at({"mu": np.array(0.2)}, *({"y": y} for y in sets))
        assert found.labels == ["mu", "log-likelihood", "log posterior"]
        assert found.of_data.tolist() == [False, True, True]
        assert found.values[1, 0, 0] == pytest.approx(
            sum(stats.norm(0.2, 1).logpdf(y).sum() for y in sets)
        )

    def test_of_many_draws_they_are_those_of_each(self) -> None:
        @poolwise.spec(quantities={"later": lambda post: post["theta"].sel(year=2002)})
        def years() -> pm.Model:
            with pm.Model(coords={"year": [2001, 2002]}) as model:
                mu = pm.Normal("mu")
                tau = pm.HalfNormal("tau")
                theta = pm.Normal("theta", mu, tau, dims="year")
                pm.Normal("y", theta, 1, observed=[1.0, 2.0], dims="year")
            return model

        asked = quantities_of(program(years))
        rng = np.random.default_rng(0)
        draws = {n: np.abs(rng.normal(size=(2, 3))) for n in ("mu", "tau")}
        draws["theta"] = rng.normal(size=(2, 3, 2))
        data = {"y": np.array([0.5, -0.5])}
        found = asked(draws, data)
        assert {"tau", "theta[2001]", "later", "year: mean weight"} <= set(found.labels)
        for chain, draw in np.ndindex(2, 3):
            one = asked.at({n: v[chain, draw] for n, v in draws.items()}, data)
            assert one.labels == found.labels
            assert one.values[:, 0, 0] == pytest.approx(found.values[:, chain, draw], rel=1e-12)
        later = found.values[found.labels.index("later")]
        assert np.array_equal(later, draws["theta"][..., 1])


def test_draws_as_arrays_are_those_of_the_engine() -> None:
    engine = Engine(groups(), [])
    options: dict[str, Any] = {"draws": 50, "tune": 100, "chains": 2, "target_accept": 0.9}
    options |= {"seed": 3, "data": {"y": np.arange(5.0)}}
    arrays, tree = sample_arrays(engine, **options), Draws.of(engine.sample(**options))
    assert arrays.divergences == tree.divergences
    assert set(arrays.variables) == set(tree.variables) == {"mu", "tau", "z", "theta"}
    for name, values in arrays.variables.items():
        assert np.array_equal(values, tree.variables[name])


def test_a_doubled_model_has_the_posterior_of_both_sets() -> None:
    engine = Engine(doubled(normal_mean()), ["mu"])
    sizes: dict[str, Any] = {"draws": 2000, "tune": 500, "chains": 2, "target_accept": 0.9}
    other = np.array([3.0, 2.0, 4.0, 3.5, 2.5])
    both = engine.sample(**sizes, seed=1, data={again("y"): other})
    one = engine.sample(**sizes, seed=2, weights={again("y"): np.zeros(5)})
    cases = ((both, np.concatenate([SEEN, other])), (one, SEEN))
    for tree, data in cases:
        draws = np.asarray(tree["posterior"]["mu"])
        mean, variance = data.sum() / (data.size + 1), 1 / (data.size + 1)
        # Some thousand effective draws: 4 Monte Carlo errors.
        assert abs(draws.mean() - mean) < 4 * np.sqrt(variance / 1000)
        assert abs(draws.std() / np.sqrt(variance) - 1) < 4 / np.sqrt(2 * 1000)
    assert engine.compilations == 1


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[pm.Model]:
    """Every model that is compiled for sampling."""
    found: list[pm.Model] = []
    compile_model = nutpie.compile_pymc_model

    def compiling(model: pm.Model, *arguments: Any, **options: Any) -> Any:
        found.append(model)
        return compile_model(model, *arguments, **options)

    monkeypatch.setattr(nutpie, "compile_pymc_model", compiling)
    return found


class TestCalibrating:
    def test_a_right_program_is_calibrated_and_resumes(
        self, tmp_path: Path, compiled: list[pm.Model]
    ) -> None:
        run = calibrate(normal_mean, simulations=60, output=tmp_path, workers=3, **SIZES)
        assert len(compiled) == 1
        found = {f.code: f.verdict for f in run.findings}
        assert found["CAL901"] is Verdict.PASS
        assert found["CAL903"] is Verdict.PASS
        assert run.exit_code() == 0
        mu = run.data.sel(quantity="mu")
        # The fits' posterior sd is known: the square root of 1/6.
        assert float(mu["sd"].mean()) == pytest.approx(np.sqrt(1 / 6), rel=0.03)
        assert stats.kstest(mu["pit"].values, "uniform").pvalue > 1e-3
        assert np.all((run.data["largest_rhat"] > 0.98) & (run.data["largest_rhat"] < 1.2))
        record = json.loads((tmp_path / "calibration.json").read_text())
        assert_follows_its_schema(record)
        assert record["power"]["fits"] == 60
        assert {q["name"] for q in record["quantities"]} == {
            "mu",
            "log-likelihood",
            "log posterior",
        }
        page = run.report.read_text()
        assert "Do the ranks of true values spread evenly?" in page
        assert "http" not in page.replace("http://www.w3.org", "")
        # Half of the results vanish, one is cut short: only these are fitted again.
        files = sorted((tmp_path / "stages").glob("simulations-*/0*.json"))
        assert len(files) == 60
        for file in files[30:]:
            file.unlink()
        files[29].write_text(files[29].read_text()[:50])
        old = [f.stat().st_mtime_ns for f in files[:29]]
        repeated = calibrate(normal_mean, simulations=60, output=tmp_path, workers=1, **SIZES)
        assert len(compiled) == 2
        assert [f.stat().st_mtime_ns for f in files[:29]] == old
        assert np.array_equal(numbers(run), numbers(repeated), equal_nan=True)

    def test_a_wrong_program_is_not(self, tmp_path: Path) -> None:
        run = calibrate(
            mean_with_wrong_noise,
            simulator=normal_mean,
            simulations=40,
            output=tmp_path,
            **SIZES,
        )
        bad = {f.where: f for f in run.findings if f.code == "CAL901"}
        assert bad["mu"].verdict is Verdict.FAIL
        assert "too narrow" in bad["mu"].message
        assert run.exit_code() == 1
        assert run.verdict.startswith("Not calibrated: ")

    def test_from_the_posterior(self, tmp_path: Path, compiled: list[pm.Model]) -> None:
        run = calibrate(normal_mean, simulations=40, posterior=True, output=tmp_path, **SIZES)
        # The base fit, and the fits to both sets of data.
        assert len(compiled) == 1
        assert_follows_its_schema(json.loads((tmp_path / "calibration.json").read_text()))
        found = {f.code: f.verdict for f in run.findings if f.code in ("CAL901", "CAL902")}
        assert set(found.values()) == {Verdict.PASS}
        mu = run.data.sel(quantity="mu")
        # True values come from N(4/6, 1/6), fits have eleven pieces of information.
        truths = stats.norm(SEEN.sum() / 6, np.sqrt(1 / 6))
        assert stats.kstest(mu["truth"].values, truths.cdf).pvalue > 1e-3
        assert float(mu["sd"].mean()) == pytest.approx(np.sqrt(1 / 11), rel=0.03)
        repeated = calibrate(normal_mean, simulations=40, posterior=True, output=tmp_path, **SIZES)
        assert np.array_equal(numbers(run), numbers(repeated), equal_nan=True)
        assert repeated.data.attrs["base_rhat"] == run.data.attrs["base_rhat"] < 1.05


class TestRefusing:
    def test_an_improper_prior(self) -> None:
        def flat() -> pm.Model:
            with pm.Model() as model:
                mu = pm.Flat("mu")
                pm.Normal("y", mu, 1, observed=SEEN)
            return model

        with pytest.raises(poolwise.SpecError, match="improper") as caught:
            prior_plan(flat)
        assert "--posterior" in caught.value.do

    def test_a_potential(self) -> None:
        def constrained() -> pm.Model:
            with normal_mean() as model:
                pm.Potential("soft", -(model["mu"] ** 2))
            return model

        with pytest.raises(poolwise.SpecError, match="Potential soft") as caught:
            prior_plan(constrained)
        assert "--simulator" in caught.value.do

    def test_a_simulator_of_another_shape(self) -> None:
        def longer() -> pm.Model:
            with pm.Model() as model:
                pm.Normal("y", pm.Normal("mu"), 1, observed=np.arange(7.0))
            return model

        plan = planned(as_spec(normal_mean), Settings(**SIZES), 3, "prior", as_spec(longer))
        with pytest.raises(poolwise.SpecError, match="shape"):
            plan.tasks([0], lambda *_: None)

    def test_too_few_of_anything(self) -> None:
        with pytest.raises(poolwise.SpecError, match="simulations"):
            calibrate(normal_mean, simulations=0)
        with pytest.raises(poolwise.SpecError, match="draws"):
            calibrate(normal_mean, draws=5)


def test_what_cannot_be_switched_is_compiled_for_each() -> None:
    def discrete() -> pm.Model:
        with pm.Model() as model:
            which = pm.Bernoulli("which", 0.5)
            pm.Normal("y", 2.0 * which, 1, observed=SEEN)
        return model

    plan = prior_plan(discrete)
    tasks = plan.tasks([0, 1], lambda *_: None)
    assert not tasks[0].switched
    assert "which is discrete" in plan.fallbacks[0]


MODELS = """
import numpy as np
import pymc as pm


def normal_mean() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 1)
        pm.Normal("y", mu, 1, observed=np.array([0.3, -0.8, 1.4, 0.9, 2.2]))
    return model
"""


def test_from_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "models.py"
    file.write_text(MODELS)
    sizes = ["-n", "25", "--draws", "200", "--tune", "200", "--chains", "1"]
    command = ["calibrate", str(file), *sizes, "-o", str(tmp_path / "out"), "--format", "json"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code in (0, 1), result.output
    record = json.loads(result.stdout)
    assert_follows_its_schema(record)
    assert record["exit_code"] == result.exit_code
    assert record["settings"]["simulations"] == 25
    assert (tmp_path / "out" / "calibration.json").exists()
    missing = CliRunner().invoke(main, ["calibrate", f"{file}::other"])
    assert missing.exit_code == 2


@pytest.mark.slow
def test_a_killed_calibration_resumes(tmp_path: Path) -> None:
    """Kill the process in the middle; a second one fits only what is missing."""
    file = tmp_path / "models.py"
    file.write_text(MODELS)
    sizes = ["-n", "400", "--draws", "300", "--tune", "300", "--chains", "1"]
    out = tmp_path / "out"
    command = [sys.executable, "-m", "poolwise.workflow.cli", "calibrate", str(file), *sizes, "-q"]
    command += ["-o", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 300
        while len(list(out.glob("stages/simulations-*/0*.json"))) < 20:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    finished = {
        f: f.stat().st_mtime_ns for f in sorted(out.glob("stages/simulations-*/0*.json"))[:20]
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert {f: f.stat().st_mtime_ns for f in finished} == finished
    assert json.loads((out / "calibration.json").read_text())["power"]["fits"] == 400
