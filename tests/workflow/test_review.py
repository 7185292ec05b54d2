"""Whole reviews of real models, against values computed elsewhere."""

from __future__ import annotations

import json
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pymc as pm
import pytest
import xarray as xr
from click.testing import CliRunner
from tests.workflow.judged import of_code, statuses

import poolwise
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


def test_a_review_shows_itself(schools: Review) -> None:
    assert "eight_schools" in repr(schools)
    html = schools._repr_html_()
    assert schools.record.conclusion.headline in html
    assert "report.html" in html


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
