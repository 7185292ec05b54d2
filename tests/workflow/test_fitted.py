"""Fits that were made elsewhere: what is read from them, and what is said to be missing."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

import poolwise
from poolwise.checks import Verdict
from poolwise.checks.draws import mcse_of_mean
from poolwise.checks.examples import RUBIN_SIGMA, RUBIN_Y, exact_draws
from poolwise.checks.hierarchy.level import Level
from poolwise.checks.own_data import mean_weight, own_data_weight
from poolwise.checks.penalty import one_way, ridge_of
from poolwise.checks.pooling_factors import pooling_factor
from poolwise.workflow.cli import main
from poolwise.workflow.errors import SpecError
from poolwise.workflow.fitted.fit import read_fit
from poolwise.workflow.levels.of_draws import fitted_levels
from poolwise.workflow.runs.record import load_run

ROOT = Path(__file__).parents[2]
NUMPYRO = ROOT / "tests" / "data" / "fits" / "eight_schools_numpyro.nc"
SCHOOL = Level(effect="theta", location="mu", scale="tau", noise="sigma")
DIMS = ("chain", "draw")


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> poolwise.Review:
    return poolwise.review_fit(
        NUMPYRO,
        levels={"school": SCHOOL},
        quantities={"best school": "max(theta)"},
        decisions={"school A gains over 10 points": 'theta["A"] > 10'},
        unit="SAT points",
        output=tmp_path_factory.mktemp("runs") / "fit",
    )


def exact(quantity: str, case: str = "eight_schools") -> float:
    rows = json.loads((ROOT / "tests" / "data" / "expected.json").read_text())
    (found,) = [r["value"] for r in rows if r["case"] == case and r["quantity"] == quantity]
    return float(found)


def test_posterior_and_weights_of_numpyro_agree_with_quadrature(review: poolwise.Review) -> None:
    posterior = review.data["posterior"].to_dataset()
    level = review.data["levels/school"].to_dataset()
    prior = "half-Cauchy(5), mu~N(0,5)"
    drawn = {
        f"tau mean | {prior}": posterior["tau"],
        f"mu mean | {prior}": posterior["mu"],
        f"theta[1] mean | {prior}": posterior["theta"].sel(school="A"),
        f"shrink[1] mean | {prior}": 1 - own_data_weight(level).sel(group="A"),
        f"Pr(tau<1) mean | {prior}": (posterior["tau"] < 1).astype(float),
    }
    for quantity, draws in drawn.items():
        z = (float(draws.mean()) - exact(quantity)) / mcse_of_mean(draws)
        assert abs(z) < 4, (quantity, z)


def test_pooling_of_numpyro_agrees_with_exact_draws(review: poolwise.Review) -> None:
    level = review.data["levels/school"].to_dataset()
    mu, tau, theta = exact_draws(
        np.array(RUBIN_Y), np.array(RUBIN_SIGMA), mu_scale=5, tau_scale=5,
        rng=np.random.default_rng(4), size=(4, 20_000),
    )  # fmt: skip
    oracle = xr.Dataset(
        {
            "effect": ((*DIMS, "group"), theta),
            "location": (DIMS, mu),
            "scale": (DIMS, tau),
            "information": (
                (*DIMS, "group"),
                np.broadcast_to(np.array(RUBIN_SIGMA) ** -2.0, theta.shape),
            ),
        }
    )
    mine, theirs = pooling_factor(level), pooling_factor(oracle)
    assert abs(mine.factor - theirs.factor) < 4 * np.hypot(mine.mcse, theirs.mcse)
    assert abs(mine.r_squared - theirs.r_squared) < 4 * np.hypot(
        mine.r_squared_mcse, theirs.r_squared_mcse
    )
    weights = mean_weight(level), mean_weight(oracle)
    error = np.hypot(mcse_of_mean(weights[0]), mcse_of_mean(weights[1]))
    assert abs(float(weights[0].mean() - weights[1].mean())) < 4 * error
    finding = next(f for f in review.findings if f.code == "REG604")
    assert finding.value == pytest.approx(mine.factor)


def test_power_scaling_agrees_with_priorsense(review: poolwise.Review) -> None:
    scaling = review.record.evidence.get("power_scaling")
    assert scaling.scaled == ["mu", "tau"]
    rows = json.loads((ROOT / "tests" / "data" / "expected.json").read_text())
    draws = review.data["posterior"].sizes["chain"] * review.data["posterior"].sizes["draw"]
    for name in ("mu", "tau"):
        at = scaling.labels.index(name)
        for found, what in (
            (scaling.prior.sensitivity, "prior: hyperpriors only"),
            (scaling.likelihood.sensitivity, "likelihood"),
        ):
            start = f"{name} sensitivity | {what} | S=4000 iid draws"
            row = next(r for r in rows if r["quantity"].startswith(start))
            sd = float(row["quantity"].split("reps ")[1].rstrip(")"))
            # The source repeated it with 4000 draws each; fewer scatter more.
            assert abs(found[at] - row["value"]) < 4 * sd * np.sqrt(4000 / draws), (name, what)


def test_what_needs_the_model_is_skipped_and_never_passed(review: poolwise.Review) -> None:
    verdicts = {f.code: f for f in review.findings}
    for code in ("PRI202", "PRI203", "SEN503", "SEN504", "REG605"):
        assert verdicts[code].verdict is Verdict.SKIPPED
        assert "needs the model, which is not here: fitted elsewhere" in verdicts[code].message
    for code in ("SMP301", "SMP303", "SMP305", "PPC402", "PPC404", "REG602", "UNC702", "SEN501"):
        assert verdicts[code].verdict not in (Verdict.SKIPPED, Verdict.INCONCLUSIVE), code
    assert "Usable" not in review.verdict
    assert "only draws were reviewed" in review.verdict
    assert not any(f.code.startswith("SPC") for f in review.findings)
    stages = {s.name: s.status for s in review.record.stages}
    assert stages == {
        "prior predictive": "skipped",
        "fit": "done",
        "posterior predictive": "done",
        "hierarchy": "done",
        "poolings": "skipped",
        "power-scaling": "skipped",
        "prior sensitivity": "skipped",
    }


def test_the_run_is_written_and_read_back(review: poolwise.Review) -> None:
    again = load_run(review.folder)

    assert [f.as_dict() for f in again.findings] == [f.as_dict() for f in review.findings]
    assert again.conclusion == review.record.conclusion
    saved = json.loads((review.folder / "run.json").read_text())
    assert saved["tier"] == "draws"
    assert saved["seed"] is None
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(saved, json.loads((ROOT / "reports/schema/run.schema.json").read_text()))
    html = review.report.read_text()
    assert "made with numpyro" in html
    assert "4 chains × 350 draws" in html


def made_up(
    rows: int = 40, groups: int = 5, chains: int = 2, draws: int = 200, *, empty: int = 0
) -> dict[str, Any]:
    """Return draws of y_i ~ N(alpha_g(i) + b x_i, sigma): not a posterior, but the right shapes."""
    rng = np.random.default_rng(3)
    used = groups - empty
    codes = np.r_[np.arange(used), rng.integers(0, used, rows - used)]
    x = rng.normal(size=rows)
    mu = rng.normal(size=(chains, draws))
    tau = np.exp(rng.normal(size=(chains, draws)) / 3)
    alpha = mu[..., None] + tau[..., None] * rng.normal(size=(chains, draws, groups))
    b = rng.normal(size=(chains, draws)) / 10 + 1
    sigma = np.exp(rng.normal(size=(chains, draws)) / 10)
    mean = alpha[..., codes] + b[..., None] * x
    y = alpha[0, 0, codes] + x + rng.normal(size=rows)
    density = (
        -0.5 * ((y - mean) / sigma[..., None]) ** 2
        - np.log(sigma[..., None])
        - 0.5 * np.log(2 * np.pi)
    )
    return {
        "codes": codes, "x": x, "mu": mu, "tau": tau, "alpha": alpha, "b": b, "sigma": sigma,
        "mean": mean, "y": y, "density": density,
    }  # fmt: skip


def stan_layout(values: dict[str, Any], *, one_based: bool = True) -> xr.DataTree:
    """Lay draws out as ArviZ does for CmdStanPy: no coords, numbered dims, Stan's own names."""
    shape = values["mu"].shape
    rng = np.random.default_rng(5)
    coords = {"chain": range(shape[0]), "draw": range(shape[1])}
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(
                {
                    **{n: (DIMS, values[n]) for n in ("mu", "tau", "b", "sigma")},
                    "alpha": ((*DIMS, "alpha_dim_0"), values["alpha"]),
                    "mean": ((*DIMS, "mean_dim_0"), values["mean"]),
                },
                coords={**coords, "alpha_dim_0": range(values["alpha"].shape[-1])},
            ),
            "sample_stats": xr.Dataset(
                {
                    "lp": (DIMS, rng.normal(size=shape)),
                    "acceptance_rate": (DIMS, rng.uniform(size=shape)),
                    "step_size": (DIMS, np.full(shape, 0.1)),
                    "tree_depth": (DIMS, np.full(shape, 3)),
                    "n_steps": (DIMS, np.full(shape, 7)),
                    "diverging": (DIMS, np.zeros(shape, dtype=bool)),
                    "energy": (DIMS, rng.normal(size=shape)),
                },
                coords=coords,
            ),
            "log_likelihood": xr.Dataset(
                {"log_lik": ((*DIMS, "log_lik_dim_0"), values["density"])}, coords=coords
            ),
            "posterior_predictive": xr.Dataset(
                {
                    "y_rep": (
                        (*DIMS, "y_rep_dim_0"),
                        values["mean"] + rng.normal(size=values["mean"].shape),
                    )
                },
                coords=coords,
            ),
            "observed_data": xr.Dataset({"y": ("y_dim_0", values["y"])}),
            "constant_data": xr.Dataset(
                {"group": ("group_dim_0", values["codes"] + int(one_based))}
            ),
        }
    )


GROUP = Level(effect="alpha", location="mu", scale="tau", rows="group", noise="sigma")


def test_levels_agree_with_sums_over_rows_written_out() -> None:
    values = made_up(empty=1)
    fit = read_fit(stan_layout(values, one_based=False))
    found = fitted_levels(fit.groups, {"g": GROUP}, mean="mean").posterior["g"]

    codes, y, mean = values["codes"], values["y"], values["mean"].reshape(-1, 40)
    alpha = values["alpha"].reshape(-1, 5)
    mu, sigma = values["mu"].ravel(), values["sigma"].ravel()
    flat = {n: v.values.reshape(-1, *v.shape[2:]) for n, v in found.data_vars.items() if v.ndim > 1}
    for j in range(4):
        mine = codes == j
        n = mine.sum()
        np.testing.assert_allclose(flat["information"][:, j], n / sigma**2)
        np.testing.assert_allclose(flat["noise_variance"][:, j], sigma**2)
        rest = mean[:, mine] - alpha[:, [j]]
        np.testing.assert_allclose(flat["other"][:, j], rest.mean(1), atol=1e-12)
        np.testing.assert_allclose(found["raw"][j], (y[mine] - rest).mean(), atol=1e-10)
        np.testing.assert_allclose(
            found["row_mean_variance"][j], mean[:, mine].var(0).mean(), rtol=1e-9
        )
        np.testing.assert_allclose(
            found["row_location_variance"][j], (rest + mu[:, None]).var(0).mean(), rtol=1e-9
        )
        assert found["rows"][j] == n
    # A group without rows carries no information and is predicted at the noise of the others.
    np.testing.assert_array_equal(flat["information"][:, 4], 0)
    np.testing.assert_allclose(flat["noise_variance"][:, 4], sigma**2)
    np.testing.assert_allclose(found["residual_variance"].values.ravel(), (y - mean).var(1, ddof=1))
    np.testing.assert_allclose(found["mean_residual_variance"], (y - mean.mean(0)).var(ddof=1))
    np.testing.assert_allclose(found["outcome_variance"], y.var(ddof=1))


def test_the_layout_of_cmdstanpy_is_reviewed(tmp_path: Path) -> None:
    review = poolwise.review_fit(
        stan_layout(made_up()), levels={"g": GROUP}, mean="mean", output=tmp_path / "run"
    )

    verdicts = {f.code: f.verdict for f in review.findings}
    assert verdicts["SMP303"] is Verdict.PASS
    assert verdicts["PPC402"] is not Verdict.SKIPPED
    assert verdicts["PPC403"] is not Verdict.SKIPPED
    assert verdicts["REG602"] is not Verdict.SKIPPED
    # Stan does not say which transitions reached the largest tree depth.
    assert verdicts["SMP305"] is Verdict.INCONCLUSIVE
    said = " ".join(f.message for f in review.findings if f.code == "RUN002")
    assert "log_lik of log_likelihood was taken for the outcome y" in said
    assert "y_rep of posterior_predictive was taken for the outcome y" in said
    assert "groups are counted from 1" in said
    assert {f.verdict for f in review.findings if f.code == "SEN501"} == {Verdict.SKIPPED}


def test_a_wrong_mean_or_noise_is_not_believed() -> None:
    values = made_up()
    fit = read_fit(stan_layout(values))
    cases: list[tuple[str | float, str, str]] = [
        ("sigma", "", "declare mean= if other terms enter it"),
        (2.0, "mean", "check both"),
        ("tau", "mean", "check both"),
    ]
    for noise, mean, said in cases:
        level = Level(effect="alpha", location="mu", scale="tau", rows="group", noise=noise)
        found = fitted_levels(fit.groups, {"g": level}, mean=mean).posterior["g"]
        assert "information" not in found
        assert "is not that of a normal outcome" in found.attrs["why_no_information"]
        assert said in found.attrs["why_no_information"]


def test_without_a_log_likelihood_only_a_declared_mean_is_believed() -> None:
    fit = read_fit(stan_layout(made_up()))
    del fit.groups["log_likelihood"]

    alone = fitted_levels(fit.groups, {"g": GROUP})
    assert "declare mean=" in alone.posterior["g"].attrs["why_no_information"]
    declared = fitted_levels(fit.groups, {"g": GROUP}, mean="mean")
    assert "information" in declared.posterior["g"]
    assert any("could not be checked" in note for note in declared.notes)


def test_the_rows_of_a_penalty_need_no_model_where_nothing_else_enters() -> None:
    groups = made_up_groups_alone()
    known = Level(effect="alpha", location=1.5, scale="tau", noise=0.7, rows="group")
    found = fitted_levels(groups, {"g": known}).posterior["g"]
    y, codes = groups["observed_data"]["y"].values, groups["constant_data"]["group"].values
    np.testing.assert_allclose(found["row_outcome"], y - 1.5)
    np.testing.assert_allclose(found["row_noise"], 0.7)
    assert found["row_population"].shape == (y.size, 0)
    mine = ridge_of(found)
    by_hand = one_way(y - 1.5, np.zeros((y.size, 0)), codes, noise=np.full(y.size, 0.7))
    np.testing.assert_allclose(mine.effect(2.0), by_hand.effect(2.0))
    estimated = Level(effect="alpha", location="mu", scale="tau", noise=0.7, rows="group")
    found = fitted_levels(groups, {"g": estimated}).posterior["g"]
    np.testing.assert_allclose(found["row_population"], 1)
    fit = read_fit(stan_layout(made_up()))
    found = fitted_levels(fit.groups, {"g": GROUP}, mean="mean").posterior["g"]
    assert "covariates" in found.attrs["why_no_rows"]


def made_up_groups_alone() -> dict[str, xr.Dataset]:
    """Return draws of y_i ~ N(alpha_g(i), 0.7) with their log-likelihood."""
    rng = np.random.default_rng(9)
    codes = np.r_[np.arange(4), rng.integers(0, 4, 16)]
    alpha, y = rng.normal(size=(2, 50, 4)), rng.normal(size=20)
    density = -0.5 * ((y - alpha[..., codes]) / 0.7) ** 2 - np.log(0.7) - 0.5 * np.log(2 * np.pi)
    posterior = {
        "alpha": ((*DIMS, "g"), alpha),
        "mu": (DIMS, rng.normal(size=(2, 50))),
        "tau": (DIMS, rng.uniform(1, 2, size=(2, 50))),
    }
    return {
        "posterior": xr.Dataset(posterior),
        "observed_data": xr.Dataset({"y": ("row", y)}),
        "constant_data": xr.Dataset({"group": ("row", codes)}),
        "log_likelihood": xr.Dataset({"y": ((*DIMS, "row"), density)}),
    }


def test_rows_and_noise_that_are_not_known_are_named() -> None:
    fit = read_fit(stan_layout(made_up()))

    def why(level: Level) -> str:
        found = fitted_levels(fit.groups, {"g": level}, mean="mean").posterior["g"]
        assert {"effect", "location", "scale"} == set(found.data_vars)
        return str(found.attrs["why_no_information"])

    assert "declare noise=" in why(Level(effect="alpha", scale="tau", rows="group"))
    assert "declare rows=" in why(Level(effect="alpha", scale="tau", noise="sigma"))
    found = fitted_levels(fit.groups, {"g": Level(effect="alpha", scale="tau")}).posterior["g"]
    assert float(found["location"].max()) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"effect": "alfa"}, "effect='alfa' names no variable of the posterior"),
        ({"scale": "tao"}, "scale='tao' names no variable"),
        ({"location": "mean"}, "location has the dims mean_dim_0"),
        ({"effect": "mu"}, "effect='mu' has the dims of a scalar"),
        ({"rows": "grp"}, "rows='grp' is not among the constant data"),
        ({"noise": "sgima"}, "noise='sgima' names no variable"),
        ({"noise": "alpha"}, "noise='alpha' has 5 values, y has 40 rows"),
    ],
)
def test_levels_that_do_not_fit_are_refused(options: dict[str, Any], said: str) -> None:
    fit = read_fit(stan_layout(made_up()))
    level = Level(**{**GROUP.as_dict(), **options})

    with pytest.raises(SpecError, match="level 'g': ") as caught:
        fitted_levels(fit.groups, {"g": level}, mean="mean")
    assert said in str(caught.value)
    assert caught.value.expected


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (np.arange(7), "rows='group' has 7 values, y has 40 rows"),
        (np.full(40, 9), "runs from 9 to 9"),
        (np.arange(40) % 4 + 1, "for 5 groups: it may count from 0 or from 1"),
        (np.full(40, 0.5), "are no whole numbers"),
        (np.full(40, "no such"), "names no group no such"),
    ],
)
def test_rows_that_do_not_fit_are_refused(codes: np.ndarray, said: str) -> None:
    tree = stan_layout(made_up())
    tree["constant_data"] = xr.Dataset({"group": ("row", codes)})
    fit = read_fit(tree)

    with pytest.raises(SpecError) as caught:
        fitted_levels(fit.groups, {"g": GROUP}, mean="mean")
    assert said in str(caught.value)


def test_rows_may_be_numbered_from_zero_or_named() -> None:
    values = made_up()
    by_number = read_fit(stan_layout(values, one_based=False))
    named = stan_layout(values)
    named["constant_data"] = xr.Dataset({"group": ("row", values["codes"].astype(str))})

    first, second = (
        fitted_levels(fit.groups, {"g": GROUP}, mean="mean").posterior["g"]
        for fit in (by_number, read_fit(named))
    )
    np.testing.assert_array_equal(first["row_group"], values["codes"])
    np.testing.assert_array_equal(second["row_group"], values["codes"])


def test_other_names_of_dims_are_understood_or_asked_for() -> None:
    tree = stan_layout(made_up())
    usual = xr.DataTree.from_dict(
        {n: node.to_dataset().rename(chain="chains", draw="iteration")
         if "chain" in node.dims else node.to_dataset() for n, node in tree.children.items()}
    )  # fmt: skip
    strange = xr.DataTree.from_dict(
        {n: node.to_dataset().rename(chain="c", draw="it").transpose(..., "c", "it")
         if "chain" in node.dims else node.to_dataset() for n, node in tree.children.items()}
    )  # fmt: skip

    expected = read_fit(tree).groups["posterior"]
    xr.testing.assert_allclose(read_fit(usual).groups["posterior"], expected)
    xr.testing.assert_allclose(read_fit(strange, ("c", "it")).groups["posterior"], expected)
    with pytest.raises(SpecError, match="are not recognised among the dims") as caught:
        read_fit(strange)
    assert "sample_dims" in caught.value.do
    stacked = xr.DataTree.from_dict({"posterior": xr.Dataset({"mu": ("sample", np.ones(4))})})
    with pytest.raises(SpecError, match="are not recognised"):
        read_fit(stacked)


def test_one_chain_is_not_taken_for_agreement(tmp_path: Path) -> None:
    review = poolwise.review_fit(
        stan_layout(made_up(chains=1)), levels={"g": GROUP}, mean="mean", output=tmp_path / "run"
    )
    (finding,) = [f for f in review.findings if f.code == "SMP301"]
    assert finding.verdict is Verdict.INCONCLUSIVE


def test_a_bare_posterior_is_reviewed_as_far_as_it_goes(tmp_path: Path) -> None:
    tree = stan_layout(made_up())
    bare = xr.DataTree.from_dict({"posterior": tree["posterior"].to_dataset()})
    review = poolwise.review_fit(bare, name="bare", output=tmp_path / "run")

    verdicts = {f.code: f for f in review.findings}
    assert verdicts["SMP301"].verdict is not Verdict.SKIPPED
    for code, group in (("SMP303", "sample_stats"), ("PPC403", "log_likelihood")):
        assert verdicts[code].verdict is Verdict.SKIPPED
        assert f"the fit holds no group {group}" in verdicts[code].message
    assert "levels={...}" in verdicts["REG602"].message


def test_groups_of_another_fit_are_left_out() -> None:
    tree = stan_layout(made_up())
    tree["log_likelihood"] = tree["log_likelihood"].to_dataset().isel(draw=slice(50))
    fit = read_fit(tree)

    assert "log_likelihood" not in fit.groups
    assert "has 50 draws, the posterior has 200" in fit.reasons["log_likelihood"]


def test_python_objects_are_left_out_and_nothing_is_unpickled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("something was unpickled")

    for name in ("loads", "load", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    tree = stan_layout(made_up())
    objects = np.empty((2, 200), dtype=object)
    objects[:] = "text"
    tree["posterior"] = tree["posterior"].to_dataset().assign(words=(DIMS, objects))
    fit = read_fit(tree)

    assert "words" not in fit.groups["posterior"]
    assert any("words of posterior hold Python objects" in note for note in fit.notes)
    assert "posterior" in read_fit(NUMPYRO).groups


def test_power_scaling_leaves_group_effects_alone(tmp_path: Path) -> None:
    tree = stan_layout(made_up())
    posterior = tree["posterior"].to_dataset()
    tree["log_prior"] = xr.Dataset(
        {
            "mu": -0.5 * posterior["mu"] ** 2,
            "tau": -posterior["tau"],
            "alpha": -0.5 * posterior["alpha"] ** 2,
        }
    )
    options: dict[str, Any] = {"levels": {"g": GROUP}, "mean": "mean"}
    found = poolwise.review_fit(tree, **options, output=tmp_path / "a")
    assert found.record.evidence.declared["top_level_priors"] == ["mu", "tau"]
    assert any("alpha of log_prior belong to groups" in f.message for f in found.findings)
    declared = poolwise.review_fit(tree, **options, top_level=["tau"], output=tmp_path / "b")
    assert declared.record.evidence.get("power_scaling").scaled == ["tau"]
    with pytest.raises(SpecError, match="'taw' is not in the group log_prior"):
        poolwise.review_fit(tree, **options, top_level=["taw"], output=tmp_path / "c")


TOML = """
fit = "fit.nc"
unit = "points"

[levels.school]
effect = "theta"
location = "mu"
scale = "tau"
noise = "sigma"

[decisions]
"A gains" = 'theta["A"] > 10'
"""


def run(folder: Path, *arguments: str) -> Any:
    return CliRunner().invoke(main, [*arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "fit.nc").write_bytes(NUMPYRO.read_bytes())
    (tmp_path / "fit.toml").write_text(TOML, encoding="utf-8")
    levels = TOML.replace('fit = "fit.nc"', "")
    (tmp_path / "levels.toml").write_text(levels, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_line_takes_a_fit_with_its_levels_or_a_toml_file(
    folder: Path, review: poolwise.Review
) -> None:
    first = run(folder, "review", "fit.nc", "--levels", "levels.toml", "-o", "a", "-q")
    second = run(folder, "review", "fit.toml", "-o", "b", "-q")
    bare = run(folder, "review", "fit.nc", "-o", "c", "-q")

    assert (first.exit_code, second.exit_code, bare.exit_code) == (0, 0, 0), first.output
    results = [json.loads((folder / n / "run.json").read_text()) for n in "abc"]
    pooling = [r["regularization"] for r in results]
    assert pooling[0] == pooling[1]
    assert not pooling[2]
    said = next(f for f in review.findings if f.code == "REG604")
    assert [f["value"] for f in results[0]["findings"] if f["code"] == "REG604"] == [said.value]
    assert run(folder, "report", "a").exit_code == 0
    # Every command that a report names brings the same review.
    assert [r["command"] for r in results] == [
        "poolwise review fit.nc --levels levels.toml",
        "poolwise review fit.toml::fit",
        "poolwise review fit.nc",
    ]


def test_a_fit_is_not_linted_and_does_not_pass_for_it(folder: Path) -> None:
    result = run(folder, "lint", "fit.toml", "-v")
    assert result.exit_code == 0
    assert "nothing found in 1 spec; 1 spec not linted" in result.stderr
    assert "needs the model, which is not here: fitted elsewhere" in result.stdout


def test_what_needs_a_model_says_that_there_is_none(folder: Path) -> None:
    result = run(folder, "show", "fit.toml")
    assert result.exit_code == 2
    assert "fit.toml:2: fit is a fit: there is no model to build" in result.stderr


#: name -> (text to replace, with what, what the message says, line it names)
BAD = {
    "no file": ('"fit.nc"', '"fit2.nc"', "fit2.nc: no such file", "fit ="),
    "no netCDF": ('"fit.nc"', '"fit.toml"', "is no netCDF-4 file", "fit ="),
    "formula": ("unit", 'formula = "y ~ 1"\nunit', "a fit has no option 'formula'", "formula"),
    "seed": ("unit", "seed = 1\nunit", "a fit has no option 'seed'", "seed"),
    "unknown": ("unit", 'menas = "x"\nunit', "a fit has no option 'menas'", "menas"),
    "level": ('scale = "tau"', 'scale = "tao"', "scale='tao' names no variable", "scale"),
    "mean": ("unit", 'mean = "m"\nunit', "mean='m' names no variable", "mean"),
    "outcome": ("unit", 'outcome = "z"\nunit', "outcome 'z' is not among", "outcome"),
    "top level": ("unit", 'top_level = ["z"]\nunit', "top_level: 'z' is not in", "top_level"),
    "dims": ("unit", 'sample_dims = ["a"]\nunit', "sample_dims names two dims", "sample_dims"),
    "other dims": ("unit", 'sample_dims = ["a", "b"]\nunit', "are not recognised", "fit ="),
    "decision": ('theta["A"]', 'theta["Z"]', "selects school 'Z'", '"A gains"'),
    "no decision": ("> 10", "+ 10", "not true or false", '"A gains"'),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_declarations_name_the_line(folder: Path, name: str) -> None:
    old, new, said, line = BAD[name]
    text = TOML.replace(old, new)
    assert text != TOML
    (folder / "fit.toml").write_text(text, encoding="utf-8")
    result = run(folder, "review", "fit.toml", "-o", "run")

    assert result.exit_code == 2, result.output
    assert said in result.stderr, result.stderr
    number = int(result.stderr.split("fit.toml:")[1].split(":")[0])
    assert line in text.splitlines()[number - 1], result.stderr
    assert not (folder / "run").exists()


def test_levels_belong_to_fits(folder: Path) -> None:
    result = run(folder, "review", "fit.toml", "--levels", "levels.toml")
    assert result.exit_code == 2
    assert "levels are declared for a fit, not for a spec" in result.stderr
    result = run(folder, "review", "fit.nc", "--levels", "fit.toml")
    assert "names a fit of its own" in result.stderr
