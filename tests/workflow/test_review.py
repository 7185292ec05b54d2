"""Whole reviews of real models, against values computed elsewhere."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pymc as pm
import pytest
import xarray as xr
from click.testing import CliRunner

import poolwise
from poolwise.checks import Verdict
from poolwise.checks.draws import mcse_of_mean, mcse_of_sd
from poolwise.checks.hierarchy import value_of
from poolwise.workflow.cli import main
from poolwise.workflow.priors.alternative import Alternative
from poolwise.workflow.priors.alternatives import alternatives
from poolwise.workflow.priors.subjects import LOCATION, SCALE, Subject
from poolwise.workflow.review import Review
from poolwise.workflow.runs.calibrations import calibration_in
from poolwise.workflow.specs.loading import load_specs

pytestmark = pytest.mark.slow

MODELS = Path(__file__).parents[2] / "tutorials" / "models"
PRIOR = "half-Cauchy(5), mu~N(0,5)"
ERRORS = 4.0
SUBJECTS = [Subject("tau", SCALE), Subject("mu", LOCATION)]


@pytest.fixture(scope="session")
def schools(tmp_path_factory: pytest.TempPathFactory) -> Review:
    spec = load_specs(str(MODELS / "eight_schools.py"))[0]
    return poolwise.review(spec, output=tmp_path_factory.mktemp("eight_schools"))


@pytest.fixture(scope="session")
def radon(tmp_path_factory: pytest.TempPathFactory) -> Review:
    spec = load_specs(str(MODELS / "radon.py"))[0]
    return poolwise.review(spec, output=tmp_path_factory.mktemp("radon"))


@pytest.fixture
def no_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every way to sample fail."""
    import nutpie
    import pymc as pm

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("something was sampled")

    monkeypatch.setattr(nutpie, "sample", refuse)
    monkeypatch.setattr(nutpie, "compile_pymc_model", refuse)
    for name in ("sample", "sample_prior_predictive", "sample_posterior_predictive"):
        monkeypatch.setattr(pm, name, refuse)


def z(draws: xr.DataArray, mean: float, sd: float) -> list[float]:
    return [
        (float(draws.mean()) - mean) / mcse_of_mean(draws),
        (float(draws.std(ddof=1)) - sd) / mcse_of_sd(draws),
    ]


def z_of(fit: xr.Dataset, name: str, mean: float, sd: float) -> list[float]:
    kept = {str(k): float(fit[name].sel(summary=k)) for k in fit["summary"].values}
    return [(kept["mean"] - mean) / kept["mcse"], (kept["sd"] - sd) / kept["sd_mcse"]]


def statuses(review: Review) -> dict[str, str]:
    return {s.name: s.status for s in review.record.stages}


def of_code(review: Review, code: str) -> list[poolwise.Finding]:
    return [f for f in review.findings if f.code == code]


def test_eight_schools_agrees_with_quadrature(schools: Review, expected: Any) -> None:
    posterior = schools.data["posterior"].to_dataset()
    for name, draws in (
        ("mu", posterior["mu"]),
        ("tau", posterior["tau"]),
        ("theta[1]", posterior["theta"].sel(school="A")),
    ):
        mean = expected("eight_schools", f"{name} mean | {PRIOR}")
        sd = expected("eight_schools", f"{name} sd | {PRIOR}")
        for score in z(draws, mean, sd):
            assert abs(score) <= ERRORS, f"{name}: z = {score:.1f}"


def test_all_eight_effects_agree_with_quadrature(schools: Review) -> None:
    """Effects that the reference file leaves out, by quadrature written here."""
    posterior = schools.data["posterior"].to_dataset()
    y = schools.data["observed_data"].to_dataset()["y"].values
    s = schools.data["constant_data"].to_dataset()["sigma"].values
    tau = np.concatenate([np.linspace(1e-4, 60, 60_000), np.geomspace(60, 6e4, 20_000)[1:]])
    precision = 1 / (s**2 + tau[:, None] ** 2)
    v = 1 / (precision.sum(1) + 1 / 25)
    m = (precision * y).sum(1) * v
    log_p = 0.5 * np.log(precision).sum(1) + 0.5 * np.log(v) - 0.5 * (precision * y**2).sum(1)
    log_p += 0.5 * m**2 / v - np.log1p((tau / 5) ** 2)
    step = np.gradient(tau)
    p = np.exp(log_p - log_p.max()) * step
    p /= p.sum()
    w = tau[:, None] ** 2 * precision
    mean = w * y + (1 - w) * m[:, None]
    variance = w * s**2 + (1 - w) ** 2 * v[:, None]
    for j, school in enumerate("ABCDEFGH"):
        first = (p * mean[:, j]).sum()
        second = (p * (variance[:, j] + mean[:, j] ** 2)).sum()
        for score in z(posterior["theta"].sel(school=school), first, np.sqrt(second - first**2)):
            assert abs(score) <= ERRORS, f"{school}: z = {score:.1f}"


def test_sweep_agrees_with_quadrature(schools: Review, expected: Any) -> None:
    """The alternative HalfNormal(5), fitted, against its exact posterior."""
    fits = schools.record.evidence.get("sweep")
    fit = next(f for f in fits.values() if f.attrs["prior"] == "HalfNormal(5)")
    for name in ("tau", "mu"):
        mean = expected("eight_schools", f"{name} mean | half-normal(5), mu~N(0,5)")
        sd = expected("eight_schools", f"{name} sd | half-normal(5), mu~N(0,5)")
        for score in z_of(fit, name, mean, sd):
            assert abs(score) <= ERRORS, f"{name}: z = {score:.1f}"


def test_every_alternative_agrees_with_quadrature(schools: Review) -> None:
    """All priors of tau and mu that were tried, against a grid over both scales written here."""
    fits = schools.record.evidence.get("sweep")
    y = schools.data["observed_data"].to_dataset()["y"].values
    s = schools.data["constant_data"].to_dataset()["sigma"].values
    assert len(fits) == 20
    assert {f.attrs["source"] for f in fits.values()} == {"umbrella"}, "weights sufficed"
    for alternative in planned_of(schools):
        priors = {"mu": pm.Normal.dist(0, 5), "tau": pm.HalfCauchy.dist(5)}
        priors |= {r.parameter: r.make() for r in alternative.replacements}
        truth = quadrature(y, s, priors["mu"], priors["tau"])
        for name, (mean, sd) in truth.items():
            for score in z_of(fits[alternative.key], name, mean, sd):
                assert abs(score) <= ERRORS, f"{name} under {alternative.title}: z = {score:.1f}"


def planned_of(review: Review) -> list[Alternative]:
    spec = load_specs(str(MODELS / "eight_schools.py"))[0]
    found = alternatives(spec.build(), SUBJECTS, spec.priors, spec.unit)
    assert {a.key for a in found} == set(review.record.evidence.get("sweep"))
    return found


def quadrature(y: np.ndarray, s: np.ndarray, mu: Any, tau: Any) -> dict[str, tuple[float, float]]:
    """Return mean and sd of mu and tau from a grid over both."""
    t = np.concatenate([np.linspace(1e-4, 60, 6_000), np.geomspace(60, 6e4, 3_000)[1:]])
    m = np.linspace(-70, 70, 1_401)
    log_t, log_m = (value_of(pm.logp(rv, x)) for rv, x in ((tau, t), (mu, m)))
    variance = s**2 + t[:, None] ** 2
    # The sum over schools of a quadratic in mu: three numbers for each tau.
    a = (-0.5 / variance).sum(1)
    b = (y / variance).sum(1)
    c = (-0.5 * y**2 / variance - 0.5 * np.log(variance)).sum(1)
    log_p = a[:, None] * m**2 + b[:, None] * m + c[:, None] + log_t[:, None] + log_m
    p = np.exp(log_p - log_p.max()) * np.gradient(t)[:, None]
    p /= p.sum()
    found = {}
    for name, x, weight in (("tau", t, p.sum(1)), ("mu", m, p.sum(0))):
        mean = float((weight * x).sum())
        found[name] = (mean, float(np.sqrt((weight * (x - mean) ** 2).sum())))
    return found


def test_power_scaling_acts_on_hyperpriors_only(schools: Review, expected: Any) -> None:
    scaling = schools.record.evidence.get("power_scaling")
    assert sorted(scaling.scaled) == ["mu", "tau"]
    found = scaling.prior.sensitivity[scaling.labels.index("tau")]
    reference = expected("priorsense eight_schools", "tau sensitivity | prior: hyperpriors only")
    # Replicated sets of 4,000 independent draws have a sd of 0.0076; ours hold fewer effective.
    effective = 4000 / min(
        4000.0,
        float(np.min([f.value for f in of_code(schools, "SMP302") if f.value is not None])),
    )
    assert abs(found - reference) <= ERRORS * 0.0076 * np.sqrt(effective)


def test_radon_agrees_with_r(radon: Review, expected: Any) -> None:
    case = "radon_mn-radon_hierarchical_intercept_noncentered"
    loo = radon.record.evidence.get("loo")["log_radon"]
    elpd, _, p = expected(case, "R loo elpd_loo (se), p_loo")
    factors = expected(case, "Gelman-Pardoe 2006 R2 and lambda by level")
    pooling = radon.record.evidence.get("pooling")["county"]
    level, data = pooling.factor, pooling.data_level
    assert level is not None
    assert data is not None
    exact = exact_radon(radon)
    assert abs(level.factor - exact["factor"]) <= ERRORS * level.mcse
    assert abs(level.r_squared - exact["r_squared"]) <= ERRORS * level.r_squared_mcse
    tau = radon.data["posterior"].to_dataset()["tau"]
    assert abs(float(tau.mean()) - exact["tau"]) <= ERRORS * mcse_of_mean(tau)
    # R's values come from 4,000 draws too, under wider priors: these move its R² of the level by
    # 0.011 from the exact value, and the rest by less than its Monte Carlo error, taken to be ours.
    both = np.sqrt(2)
    assert abs(level.factor - factors["intercept"]["lambda"]) <= ERRORS * both * level.mcse
    assert abs(data.r_squared - factors["R2_data"]) <= ERRORS * both * data.r_squared_mcse
    # p_loo is the expected loss of log density: its Monte Carlo error is that of the mean of the
    # row sums of (log p - mean log p)^2, about p * sqrt(2 / ESS) for p effective parameters.
    ess = min(f.value for f in of_code(radon, "SMP302") if f.value is not None)
    error = both * p * np.sqrt(2 / ess)
    assert abs(loo.p - p) <= ERRORS * error
    assert abs(loo.elpd - elpd) <= ERRORS * error
    assert abs(data.factor - factors["lambda_data"]) <= ERRORS * both * 0.0239622 * np.sqrt(2 / ess)


def expected_variance(part: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> float:
    """Return the expected variance over the elements of a linear map of normal variables."""
    centred = part - part.mean(0)
    squares = np.trace(centred @ variance @ centred.T) + ((centred @ mean) ** 2).sum()
    return float(squares / (len(part) - 1))


def exact_radon(radon: Review) -> dict[str, float]:
    """Return Gelman and Pardoe's summaries of the counties by quadrature over both scales.

    Given these, coefficients and county effects are jointly normal.
    """
    data = radon.data["constant_data"].to_dataset()
    y = radon.data["observed_data"].to_dataset()["log_radon"].values
    county, uranium = data["county_index"].values, data["log_uranium"].values
    groups = uranium.size
    columns = [np.ones(y.size), uranium[county], data["floor"].values]
    design = np.column_stack([*columns, np.eye(groups)[county]])
    start = np.concatenate([[1.0, 0.0, 0.0], np.zeros(groups)])
    deviation = np.hstack([np.zeros((groups, 3)), np.eye(groups)])
    effect = np.hstack(
        [np.ones((groups, 1)), uranium[:, None], np.zeros((groups, 1)), np.eye(groups)]
    )
    square, cross = design.T @ design, design.T @ y
    found = []
    for tau in np.linspace(0.004, 0.4, 67):
        before = np.concatenate([[1 / 4, 1.0, 1.0], np.full(groups, 1 / tau**2)])
        for sigma in np.linspace(0.65, 0.87, 45):
            precision = square / sigma**2 + np.diag(before)
            variance = np.linalg.inv(precision)
            mean = variance @ (cross / sigma**2 + before * start)
            log_p = 0.5 * np.log(before).sum() - 0.5 * np.linalg.slogdet(precision)[1]
            log_p -= y.size * np.log(sigma) + 0.5 * (tau**2 + sigma**2)
            log_p -= 0.5 * (y @ y / sigma**2 + before @ start**2 - mean @ precision @ mean)
            spreads = [expected_variance(part, mean, variance) for part in (deviation, effect)]
            found.append((log_p, tau, mean[3:], *spreads))
    log_p = np.array([f[0] for f in found])
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    deviations, effects = (float(p @ np.array([f[i] for f in found])) for i in (3, 4))
    between = (p @ np.array([f[2] for f in found])).var(ddof=1)
    return {
        "factor": 1 - between / deviations,
        "r_squared": 1 - deviations / effects,
        "tau": float(p @ np.array([f[1] for f in found])),
    }


def test_radon_agrees_with_reml(radon: Review, expected: Any) -> None:
    """Posterior means against REML: a tenth of a standard error apart is what priors explain."""
    posterior = radon.data["posterior"].to_dataset()
    for ours, theirs in (
        ("intercept", "M2 (Intercept)"),
        ("floor_effect", "M2 floor"),
        ("uranium_effect", "M2 log_uranium"),
        ("sigma", "M2 sd resid"),
    ):
        draws = posterior[ours]
        gap = abs(float(draws.mean()) - expected("radon_mn", theirs))
        assert gap <= 0.2 * float(draws.std()) + ERRORS * mcse_of_mean(draws), ours


def test_an_unchanged_review_samples_nothing(schools: Review, no_sampling: None) -> None:
    spec = load_specs(str(MODELS / "eight_schools.py"))[0]
    again = poolwise.review(spec, output=schools.folder)
    assert set(statuses(again).values()) == {"cached"}
    assert [f.as_dict() for f in again.findings] == [f.as_dict() for f in schools.findings]


def test_a_report_is_redrawn_without_sampling(schools: Review, no_sampling: None) -> None:
    before = schools.report.read_bytes()
    result = CliRunner().invoke(main, ["report", str(schools.folder)])
    assert result.exit_code == schools.exit_code(), result.output
    assert result.output.splitlines()[-1] == str(schools.report)
    assert schools.report.read_bytes() == before


def test_a_calibration_in_its_folder_is_judged_with_it(schools: Review, tmp_path: Path) -> None:
    spec = load_specs(str(MODELS / "eight_schools.py"))[0]
    assert "run 'poolwise calibrate" in schools.record.evidence.why_missing("calibration")
    assert "was run; run &#39;poolwise calibrate" in schools.report.read_text()
    folder = tmp_path / "run"
    shutil.copytree(schools.folder, folder)
    made = poolwise.calibrate(
        spec, simulations=25, output=folder / "calibration", draws=200, tune=200, chains=1
    )
    again = poolwise.review(spec, output=folder)
    assert set(statuses(again).values()) == {"cached"}
    mine, theirs = (
        [
            (f.code, f.where, f.verdict, f.message, f.value)
            for f in run.findings
            if f.code[:3] == "CAL"
        ]
        for run in (again, made)
    )
    assert mine == theirs
    assert {code for code, *_ in mine} == {"CAL901", "CAL902", "CAL903", "CAL904"}
    record = json.loads((folder / "run.json").read_text())
    validate_record(record)
    assert record["calibration"]["headline"] == made.verdict
    assert record["calibration"]["simulations"] == 25
    assert (folder / record["calibration"]["report"]).exists()
    page = again.report.read_text()
    assert 'href="calibration/report.html"' in page
    CliRunner().invoke(main, ["report", str(folder)])
    assert again.report.read_text() == page
    found, why = calibration_in(folder, spec, "another model")
    assert found is None
    assert "another version" in why


def validate_record(record: Any) -> None:
    text = resources.files("poolwise.reports").joinpath("schema/run.schema.json").read_text()
    jsonschema.validate(record, json.loads(text))


def test_the_run_is_readable_with_arviz(schools: Review) -> None:
    import arviz_stats as azs

    with xr.open_datatree(schools.folder / "run.nc", engine="h5netcdf") as tree:
        summary = azs.summary(tree, var_names=["mu", "tau"])
        assert float(azs.ess(tree, group="posterior")["mu"]) > 400
    assert list(summary.index) == ["mu", "tau"]


def test_the_record_is_complete(schools: Review) -> None:
    record = json.loads((schools.folder / "run.json").read_text())
    assert record["schema_version"] == 1
    assert record["seed"] == 20261122
    assert record["spec"]["name"] == "eight_schools"
    assert "pm.HalfCauchy" in record["spec"]["source"]
    assert sum(record["counts"].values()) == len(record["findings"])
    assert len(record["regularization"]["school"]["weights"]) == 8
    targets = record["uncertainty"]["school"]
    assert len(targets) == 4
    for target in targets.values():
        assert target["total"] == pytest.approx(sum(p["value"] for p in target["parts"]))
    swept = {(s["parameter"], s["prior"]) for s in record["sensitivity"]["sweep"]}
    assert swept == {(a.parameter, a.prior) for a in planned_of(schools)}
    assert record["data"]["rows"] == {"y": 8}
    assert all(f["message"] for f in record["findings"])


def write_spec(folder: Path, priors: str, decision: str = "post['mu'] > 0") -> Path:
    file = folder / "models.py"
    file.write_text(
        f"""
import pymc as pm, poolwise
from poolwise import Level

@poolwise.spec(
    levels={{"site": Level(effect="theta", location="mu", scale="tau")}},
    priors={priors},
    decisions={{"positive": lambda post: {decision}}},
)
def sites():
    with pm.Model(coords={{"site": list("abcdef")}}) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 5)
        theta = pm.Normal("theta", mu, tau, dims="site")
        pm.Normal("y", theta, 3.0, observed=[1.0, 9.0, 4.0, -2.0, 5.0, 12.0], dims="site")
    return model
"""
    )
    return file


SMALL = ["--draws", "200", "--tune", "300", "--chains", "2"]


def command(file: Path, output: Path, *options: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "poolwise.workflow.cli",
        "review",
        str(file),
        "--output",
        str(output),
        *SMALL,
        *options,
    ]


def test_killed_during_the_sweep_nothing_is_repeated(tmp_path: Path) -> None:
    # The formula does not hold a truncated normal, so each of these is fitted by itself.
    priors = "{'tau': [pm.TruncatedNormal.dist(0, s, lower=0) for s in (1, 2, 3, 4)]}"
    file, output = write_spec(tmp_path, priors), tmp_path / "run"
    # In threads first and one after another then: who makes a fit does not matter.
    in_threads = command(file, output, "--workers", "2")
    process = subprocess.Popen(in_threads, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while len(list(output.glob("stages/sweep-*.nc"))) < 2:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (output / "run.json").exists()
    finished = {p: p.stat().st_mtime_ns for p in output.glob("stages/[!.]*.nc")}
    assert any(p.name.startswith("fit-") for p in finished)
    assert 2 <= len(list(output.glob("stages/sweep-*.nc"))) < 5
    assert not list(output.glob("stages/prior-sensitivity-*.nc"))
    done = subprocess.run(
        command(file, output, "--format", "json"), capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    record = json.loads(done.stdout)
    status = {s["name"]: s["status"] for s in record["stages"]}
    assert status.pop("prior sensitivity") == "done"
    assert set(status.values()) == {"cached"}
    # One run for the default alternatives, and four or more for those that it does not serve.
    assert len(list(output.glob("stages/sweep-*.nc"))) >= 5
    for path, written in finished.items():
        assert path.stat().st_mtime_ns == written, f"{path.name} was made again"


def test_changing_the_sweep_reruns_only_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nutpie

    options: dict[str, Any] = {"output": tmp_path / "run", "draws": 200, "tune": 300}
    options["chains"] = 2
    first = write_spec(tmp_path, "{'tau': [pm.HalfNormal.dist(2)]}")
    poolwise.review(load_specs(str(first))[0], **options)
    fits = []
    real = nutpie.sample

    def counting(*arguments: Any, **options: Any) -> Any:
        fits.append(1)
        return real(*arguments, **options)

    monkeypatch.setattr(nutpie, "sample", counting)
    second = write_spec(tmp_path, "{'tau': [pm.HalfNormal.dist(2), pm.Exponential.dist(1)]}")
    after = poolwise.review(load_specs(str(second))[0], **options)
    status = statuses(after)
    assert status.pop("prior sensitivity") == "done"
    assert set(status.values()) == {"cached"}
    swept = after.record.evidence.get("sweep").values()
    by_itself = [f for f in swept if f.attrs["source"] != "umbrella"]
    assert len(fits) <= 1 + len(by_itself), "one run serves all the others"
    assert len(by_itself) < len(swept) / 2
    assert "Exponential(mean 1)" in {f.attrs["prior"] for f in swept}


def test_the_same_seed_gives_the_same_review(tmp_path: Path) -> None:
    spec = load_specs(str(write_spec(tmp_path, "{}")))[0]
    options: dict[str, Any] = {"draws": 200, "tune": 300, "chains": 2, "seed": 5}
    one = poolwise.review(spec, output=tmp_path / "one", **options)
    two = poolwise.review(spec, output=tmp_path / "two", **options)
    assert [f.as_dict() for f in one.findings] == [f.as_dict() for f in two.findings]
    for group in ("posterior", "prior_predictive", "posterior_predictive"):
        xr.testing.assert_identical(one.data[group].to_dataset(), two.data[group].to_dataset())
    other = poolwise.review(spec, output=tmp_path / "other", **{**options, "seed": 6})
    assert not one.data["posterior"].to_dataset().equals(other.data["posterior"].to_dataset())


def test_a_decision_that_raises_is_an_error_and_the_report_is_written(tmp_path: Path) -> None:
    file = write_spec(tmp_path, "{}", decision="post['thetta'] > 0")
    result = CliRunner().invoke(
        main, ["review", str(file), "--output", str(tmp_path / "run"), *SMALL]
    )
    assert result.exit_code == 2, result.output
    assert (tmp_path / "run" / "report.html").exists()
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    errors = [f for f in record["findings"] if f["verdict"] == "error"]
    assert any("'positive' raises KeyError" in f["message"] for f in errors)
    line = next(f["line"] for f in errors if "positive" in f["message"])
    assert "thetta" in file.read_text().splitlines()[line - 1]
    judged = {f["code"] for f in record["findings"] if f["verdict"] in ("pass", "warn", "fail")}
    assert judged >= {"SMP301", "SMP303", "PRI202"}, "what does not need the decision is judged"


MODELS_OF_OTHER_KINDS = """
import numpy as np, pymc as pm, poolwise
from poolwise import Level

rng = np.random.default_rng(1)
GROUP = np.repeat(np.arange(8), 10)

def flat() -> pm.Model:
    with pm.Model() as model:
        mu = pm.Flat("mu")
        pm.Normal("y", mu, pm.HalfNormal("sigma", 5), observed=rng.normal(3, 2, size=30))
    return model

def switching() -> pm.Model:
    with pm.Model() as model:
        late = pm.Bernoulli("late", 0.5)
        mu = pm.Normal("mu", 0, 5)
        pm.Normal("y", mu + 3 * late, 1, observed=rng.normal(3, 1, size=30))
    return model

@poolwise.spec(levels={"site": Level(effect="log_rate", location="mu", scale="tau")})
def counts():
    with pm.Model(coords={"site": np.arange(8)}) as model:
        mu = pm.Normal("mu", 1, 1)
        tau = pm.HalfNormal("tau", 1)
        log_rate = pm.Normal("log_rate", mu, tau, dims="site")
        rate = np.exp(rng.normal(1, 0.5, size=8))[GROUP]
        pm.Poisson("y", pm.math.exp(log_rate[GROUP]), observed=rng.poisson(rate))
    return model
"""


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Review]:
    folder = tmp_path_factory.mktemp("others")
    (folder / "others.py").write_text(MODELS_OF_OTHER_KINDS)
    return {
        spec.name: poolwise.review(spec, output=folder / spec.name, draws=500, tune=1000)
        for spec in load_specs(str(folder / "others.py"))
    }


def test_a_flat_prior_is_skipped_with_its_reason(others: dict[str, Review]) -> None:
    review = others["flat"]
    assert statuses(review)["prior predictive"] == "skipped"
    assert review.exit_code() < 2
    prior = [f for f in review.findings if f.code.startswith("PRI2") and f.code != "PRI201"]
    assert {f.verdict for f in prior} == {Verdict.SKIPPED}
    assert any("improper" in f.message for f in prior)
    assert of_code(review, "SMP301")[0].verdict is Verdict.PASS


def test_a_discrete_latent_falls_back_and_says_so(others: dict[str, Review]) -> None:
    review = others["switching"]
    taken = of_code(review, "RUN002")
    assert taken[0].verdict is Verdict.NOTE
    assert "late is discrete" in taken[0].message
    assert set(review.data["posterior"].data_vars) >= {"late", "mu"}


def test_undeclared_levels_are_skipped_with_the_line_to_add(others: dict[str, Review]) -> None:
    review = others["switching"]
    for finding in review.findings:
        if finding.code[:3] in ("REG", "UNC"):
            assert finding.verdict is Verdict.SKIPPED
            assert "levels=" in finding.message


def test_another_likelihood_is_asked_the_same(others: dict[str, Review]) -> None:
    review = others["counts"]
    assert of_code(review, "REG604")[0].verdict is Verdict.PASS
    for code in ("REG602", "REG606", "UNC701", "UNC702", "UNC703"):
        found = of_code(review, code)
        assert found
        assert {f.verdict for f in found}.isdisjoint({Verdict.SKIPPED, Verdict.ERROR}), code
    swept = review.record.evidence.get("sweep")
    assert {f.attrs["parameter"] for f in swept.values()} >= {"tau"}


def test_a_review_shows_itself(schools: Review) -> None:
    assert "eight_schools" in repr(schools)
    html = schools._repr_html_()
    assert schools.record.conclusion.headline in html
    assert "report.html" in html


def test_first_spec_of_init_runs(tmp_path: Path) -> None:
    runner = CliRunner()
    file = tmp_path / "first.py"
    assert runner.invoke(main, ["init", str(file)]).exit_code == 0
    assert runner.invoke(main, ["init", str(file)]).exit_code == 2
    result = runner.invoke(main, ["review", str(file), "-q", "-o", str(tmp_path / "run"), *SMALL])
    assert result.exit_code in (0, 1), result.output
    assert result.output.splitlines()[-1] == str(tmp_path / "run" / "report.html")


def test_commands_that_only_read(schools: Review) -> None:
    runner = CliRunner()
    listed = runner.invoke(main, ["list"])
    assert listed.exit_code == 0
    assert "SMP301" in listed.output
    explained = runner.invoke(main, ["explain", "smp301"])
    assert explained.exit_code == 0
    for heading in ("Asks", "Why it matters", "What to do", "Source"):
        assert heading in explained.output
    assert runner.invoke(main, ["explain", "SMP999"]).exit_code == 2


def test_a_bambi_model_is_reviewed_as_it_is(tmp_path: Path) -> None:
    bmb = pytest.importorskip("bambi")
    import pandas as pd

    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(8), 12)
    y = 5 + rng.normal(size=8)[group] + rng.normal(size=96)
    data = pd.DataFrame({"y": y, "g": group.astype(str)})

    def varying() -> Any:
        return bmb.Model("y ~ 1 + (1|g)", data)

    review = poolwise.review(varying, output=tmp_path, draws=500, tune=500)
    assert set(statuses(review).values()) == {"done"}
    pooling = review.record.evidence.get("pooling")["g"]
    assert pooling.weight_mean is not None
    np.testing.assert_array_equal(pooling.rows, np.full(8, 12))
    assert of_code(review, "UNC702")[0].verdict is Verdict.PASS
