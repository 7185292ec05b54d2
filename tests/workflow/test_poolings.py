"""No, partial and complete pooling against closed forms and quadrature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from scipy import integrate, stats

import poolwise
from poolwise.checks.draws import Array
from poolwise.checks.hierarchy import plain_model, read_hierarchy, roles
from poolwise.checks.leave_out import bridged, leave_out
from poolwise.checks.poolings import compare_poolings, what_pooling_bought
from poolwise.workflow.engine import Engine
from poolwise.workflow.execution.programs import Program
from poolwise.workflow.poolings.densities import Densities
from poolwise.workflow.poolings.group_density import GroupDensity
from poolwise.workflow.poolings.level import LevelPoolings
from poolwise.workflow.poolings.limits import WITHIN
from poolwise.workflow.poolings.quadrature import Marginal
from poolwise.workflow.poolings.separable import NotSeparable
from poolwise.workflow.poolings.shared_terms import Totals
from poolwise.workflow.runner import Outcome, run_stages
from poolwise.workflow.runs.fingerprint import model_key
from poolwise.workflow.sampler import Sampler
from poolwise.workflow.settings import Settings
from poolwise.workflow.specs.preflight import build_model
from poolwise.workflow.stages import poolings as stage
from poolwise.workflow.stages.data import data_groups
from poolwise.workflow.stages.fit import Fit
from poolwise.workflow.stages.stage import Context

MU_SD, TAU_SD, SIGMA = 30.0, 15.0, 10.0
#: A group of one row, and one so far from all others that they do not expect it.
ROWS = np.array([1, 2, 3, 4, 5, 3, 2, 4])
GROUP = np.repeat(np.arange(8), ROWS)
Y = np.random.default_rng(5).normal(np.array([6, -4, 3, 0, -7, 45, 2, 5.0])[GROUP], SIGMA)


def normal_rows() -> pm.Model:
    with pm.Model(coords={"site": list("ABCDEFGH")}) as model:
        mu = pm.Normal("mu", 0, MU_SD)
        tau = pm.HalfNormal("tau", TAU_SD)
        z = pm.Normal("z", 0, 1, dims="site")
        theta = pm.Deterministic("theta", mu + tau * z, dims="site")
        pm.Normal("y", theta[GROUP], SIGMA, observed=Y)
    return model


def rubin() -> pm.Model:
    sigma = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    with pm.Model(coords={"school": list("ABCDEFGH")}) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 5)
        theta = pm.Normal("theta", mu, tau, dims="school")
        y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
        pm.Normal("y", theta, sigma, observed=y)
    return model


def context_of(build: Callable[[], pm.Model], folder: Path, **options: Any) -> Context:
    spec = poolwise.spec(seed=3, **options)(build)
    model = build_model(spec)
    hierarchy = read_hierarchy(model, **spec.declared)
    role = roles(model, hierarchy)
    program = Program(model, role.top_level, spec=spec, hierarchy=hierarchy, roles=role)
    return Context(
        spec=spec,
        model=model,
        settings=Settings(draws=1000, tune=600, chains=2, seed=3),
        hierarchy=hierarchy,
        roles=role,
        sampler=Sampler(program),
        model_key=model_key(model),
        groups=data_groups(model),
        folder=folder,
    )


@dataclass(frozen=True)
class Run:
    context: Context
    outcome: Outcome

    @property
    def level(self) -> xr.Dataset:
        return next(v for k, v in self.outcome.groups.items() if k.startswith("poolings/"))


def run_of(build: Callable[[], pm.Model], folder: Path) -> Run:
    context = context_of(build, folder)
    return Run(context, run_stages(context, stages=(Fit(), stage.Poolings())))


@pytest.fixture(scope="module")
def normal(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_of(normal_rows, tmp_path_factory.mktemp("normal"))


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_of(rubin, tmp_path_factory.mktemp("eight"))


def log_evidence(
    y: Array, group: np.ndarray, sigma: Array, mu_sd: float, prior: Any, tau: float | None = None
) -> float:
    """Log density of rows, τ integrated over its prior, or known."""

    grid = np.concatenate([np.linspace(0, 60, 600), np.geomspace(60.1, 3000, 200)])
    at = grid if tau is None else np.array([tau])
    same = (group[:, None] == group) * at[:, None, None] ** 2
    covariance = mu_sd**2 + same + np.diag(sigma**2)
    squares = np.einsum("i,tij,j->t", y, np.linalg.inv(covariance), y)
    log = -0.5 * (squares + np.linalg.slogdet(covariance)[1] + y.size * np.log(2 * np.pi))
    if tau is not None:
        return float(log[0])
    log = log + prior.logpdf(grid)
    return float(np.log(integrate.simpson(np.exp(log - log.max()), x=grid)) + log.max())


def left_out(out: np.ndarray, *args: Any, tau: float | None = None) -> float:
    """Log density of some rows given all others, by the ratio of two evidences."""
    y, group, sigma, mu_sd, prior = args
    whole = log_evidence(y, group, sigma, mu_sd, prior, tau)
    return whole - log_evidence(y[~out], group[~out], sigma[~out], mu_sd, prior, tau)


NORMAL = (Y, GROUP, np.full(Y.size, SIGMA), MU_SD, stats.halfnorm(scale=TAU_SD))


def within(found: Array, exact: Array | float, mcse: Array, bias: Array | float = 0.0) -> None:
    assert (np.abs(found - exact) <= 4 * mcse + bias).all(), (found, exact, mcse)


def test_no_pooling_is_the_mean_of_each_group(normal: Run) -> None:
    level = normal.level.sel(pooling="no")
    own = np.array([Y[j == GROUP].mean() for j in range(8)])
    bias = 2 * WITHIN * np.abs(own)
    within(level["estimate_mean"].values, own, level["estimate_mcse"].values, bias)
    sd = SIGMA / np.sqrt(ROWS)
    assert_allclose(level["estimate_sd"].values, sd, rtol=4 / np.sqrt(2 * 400))


def test_complete_pooling_is_one_mean_for_all(normal: Run) -> None:
    level = normal.level.sel(pooling="complete")
    precision = Y.size / SIGMA**2 + 1 / MU_SD**2
    mean = Y.sum() / SIGMA**2 / precision
    within(level["estimate_mean"].values, mean, level["estimate_mcse"].values, 2 * WITHIN * 60)
    sd = precision**-0.5
    assert_allclose(level["estimate_sd"].values, sd, rtol=4 / np.sqrt(2 * 400))


def test_rows_are_predicted_exactly(normal: Run) -> None:
    level = normal.level
    for i in range(Y.size):
        out = np.arange(Y.size) == i
        exact = [np.nan, left_out(out, *NORMAL), left_out(out, *NORMAL, tau=0.0)]
        siblings = Y[(GROUP[i] == GROUP) & ~out]
        if siblings.size:
            spread = SIGMA * np.sqrt(1 + 1 / siblings.size)
            exact[0] = stats.norm.logpdf(Y[i], siblings.mean(), spread)
        else:
            assert np.isnan(level["loo_elpd"].values[0, i])
        for p in range(3):
            if np.isfinite(exact[p]):
                found, mcse = (level[f"loo_{n}"].values[p, i] for n in ("elpd", "mcse"))
                within(found, exact[p], mcse, 2e-3)


@pytest.mark.parametrize("pooling", [1, 2])
def test_groups_are_predicted_exactly_and_refitted_where_weights_fail(
    normal: Run, pooling: int
) -> None:
    level = normal.level
    tau = 0.0 if pooling == 2 else None
    exact = np.array([left_out(np.equal(GROUP, j), *NORMAL, tau=tau) for j in range(8)])
    within(level["logo_elpd"].values[pooling], exact, level["logo_mcse"].values[pooling], 2e-3)
    assert np.isnan(level["logo_elpd"].values[0]).all()
    assert not (level["logo_k"].values[pooling] > level.attrs["largest_k"]).any()
    # The far group is what draws that saw it cannot unsee: the scale is another without it.
    assert pooling == 2 or level["logo_refitted"].values[pooling, 5]


def test_eight_schools_left_out_one_by_one(eight: Run) -> None:
    level = eight.level
    sigma = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
    y = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
    data = (y, np.arange(8), sigma, 5.0, stats.halfcauchy(scale=5))
    for p, tau in ((1, None), (2, 0.0)):
        exact = np.array([left_out(np.arange(8) == j, *data, tau=tau) for j in range(8)])
        within(level["logo_elpd"].values[p], exact, level["logo_mcse"].values[p], 2e-3)
    own = level.sel(pooling="no")
    within(own["estimate_mean"].values, y, own["estimate_mcse"].values, 4 * WITHIN * 30)
    assert_allclose(own["estimate_sd"].values, sigma, rtol=4 / np.sqrt(2 * 400))
    said = " ".join(what_pooling_bought(compare_poolings(level, "school")))
    assert "no pooling is not compared" in said
    assert "as well as complete pooling as far as can be told" in said


def test_one_program_is_compiled(normal: Run) -> None:
    assert normal.context.sampler.program.engine.compilations == 1
    assert (normal.level["rhat"] < 1.05).all()
    assert normal.level["divergences"].sel(pooling=["no", "complete"]).max() == 0


def test_a_fit_whose_chains_disagree_is_not_used(normal: Run) -> None:
    context, posterior = normal.context, normal.outcome.groups["posterior"]
    model = plain_model(context.model)
    engine = context.sampler.program.engine
    level = LevelPoolings(Densities(model, context.hierarchy, posterior), "site", engine)
    apart = xr.DataArray([0.0, 30.0], dims="chain")
    level.take("no", posterior.assign(mu=posterior["mu"] + apart))
    assert "disagree (R-hat" in level.why["no"]
    found = level.dataset(lambda pooling, groups: {})
    assert np.isnan(found["estimate_mean"].sel(pooling="no")).all()
    assert np.isnan(found["loo_elpd"].sel(pooling="no")).all()
    assert np.isfinite(found["loo_elpd"].sel(pooling="partial")).all()


def test_centred_effects_close_to_their_location_are_sampled(eight: Run) -> None:
    assert (eight.level["rhat"].sel(pooling=["no", "complete"]) < 1.02).all()


def test_an_interrupted_stage_goes_on(
    normal: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_of(normal_rows, tmp_path)
    context.groups |= {"posterior": normal.outcome.groups["posterior"]}
    draws = context.groups["posterior"][["mu", "tau", "z"]].assign_attrs(divergences=0)
    done: list[int] = []

    def cheap(task: Any) -> xr.Dataset:
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append(task.seed)
        return draws

    monkeypatch.setattr(stage, "fitted", cheap)
    with pytest.raises(KeyboardInterrupt):
        stage.Poolings().run(context)
    first = list(done)
    done[:] = [0, 0]
    stage.Poolings().run(context)
    assert len(first) == 1
    assert first[0] not in done
    done[:] = [0, 0]
    stage.Poolings().run(context)
    assert done == [0, 0]


COUNTS = np.array([0, 0, 0, 3, 5, 2, 7, 1, 4, 40])
OF = np.array([0, 0, 0, 1, 1, 2, 2, 3, 3, 4])


def poisson_rows() -> pm.Model:
    with pm.Model(coords={"site": list("abcde")}) as model:
        mu = pm.Normal("mu", 1, 2)
        tau = pm.HalfNormal("tau", 1)
        theta = pm.Normal("theta", mu, tau, dims="site")
        pm.Poisson("y", pm.math.exp(theta[OF]), observed=COUNTS)
    return model


def made_up(model: pm.Model, size: int = 6) -> xr.Dataset:
    names = [rv.name for rv in model.free_RVs]
    tree = pm.sample_prior_predictive(size, model=model, var_names=names, random_seed=1)
    draws: xr.Dataset = tree["prior"].to_dataset()
    return draws


def test_counts_are_integrated_as_by_quadrature() -> None:
    model = poisson_rows()
    draws = made_up(model, 3)
    density = GroupDensity(plain_model(model), read_hierarchy(model), ["site"])
    arrays = density.arrays(draws)
    found = Marginal(density, arrays)
    for s in range(3):
        mu, tau = arrays["mu"][s], arrays["tau"][s]

        def whole(rows: np.ndarray, mu: float = mu, tau: float = tau) -> float:
            def f(t: Array) -> Array:
                rate = np.exp(mu + tau * t)[..., None]
                likelihood = stats.poisson.pmf(COUNTS[rows], rate).prod(-1)
                return np.asarray(likelihood * stats.norm.pdf(t))

            cuts = np.linspace(-30, 30, 121)
            return float(sum(integrate.fixed_quad(f, a, b, n=20)[0] for a, b in pairwise(cuts)))

        for j in range(5):
            rows = np.flatnonzero(j == OF)
            assert_allclose(found.of_groups[s, j], np.log(whole(rows)), atol=2e-3)
            for i in rows:
                exact = np.log(whole(rows)) - np.log(whole(rows[rows != i]))
                # What is said of the error holds, and says where there is one.
                assert abs(found.of_rows[s, i] - exact) < 2 * found.row_error[i] + 1e-4
    assert (found.group_error < 2e-3).all()
    assert np.median(found.row_error) < 1e-3


def test_a_group_of_zeros_has_no_finite_estimate(tmp_path: Path) -> None:
    model = poisson_rows()
    hierarchy = read_hierarchy(model)
    engine = Engine(model, ["mu", "tau"])
    posterior = made_up(model, 50)
    level = LevelPoolings(Densities(plain_model(model), hierarchy, posterior), "site", engine)
    assert level.has_estimate.tolist() == [False, True, True, True, True]
    assert level.weights("no")["y"].tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 1, 1]
    assert set(level.priors("no") or {}) == {"tau", "mu"}
    assert set(level.priors("complete") or {}) == {"tau"}


def slopes(correlated: bool) -> Callable[[], pm.Model]:
    x = np.tile([-1.0, 0.0, 1.0, 2.0], 6)
    group = np.repeat(np.arange(6), 4)
    y = np.random.default_rng(2).normal(1 + 0.5 * x, 1.0)

    def build() -> pm.Model:
        with pm.Model(coords={"g": list("abcdef"), "term": ["one", "x"]}) as model:
            beta = pm.Normal("beta", 0, 3, dims="term")
            if correlated:
                chol, _, _ = pm.LKJCholeskyCov("c", n=2, eta=2, sd_dist=pm.HalfNormal.dist(1))
                b = pm.MvNormal("b", beta, chol=chol, dims=("g", "term"))
                mean = b[group, 0] + b[group, 1] * x
            else:
                t0, t1 = pm.HalfNormal("t0", 1), pm.HalfNormal("t1", 1)
                a = pm.Normal("a", beta[0], t0, dims="g")
                b1 = pm.Normal("b1", beta[1], t1, dims="g")
                mean = a[group] + b1[group] * x
            pm.Normal("y", mean, 1.0, observed=y)
        return model

    return build


@pytest.mark.parametrize("correlated", [False, True])
def test_intercepts_and_slopes_are_integrated_together(correlated: bool) -> None:
    model = slopes(correlated)()
    hierarchy = read_hierarchy(model)
    names = list(hierarchy.levels)
    draws = made_up(model)
    density = GroupDensity(plain_model(model), hierarchy, names)
    arrays = density.arrays(draws)
    found = Marginal(density, arrays)
    x = np.tile([-1.0, 0.0, 1.0, 2.0], 6)
    data = np.asarray(model.rvs_to_values[model["y"]].data)
    design = np.stack([np.ones(4), x[:4]], axis=1)
    for s in range(6):
        if correlated:
            packed = arrays["c"][s]
            chol = np.array([[packed[0], 0.0], [packed[1], packed[2]]])
            between = chol @ chol.T
        else:
            between = np.diag([arrays["t0"][s] ** 2, arrays["t1"][s] ** 2])
        covariance = design @ between @ design.T + np.eye(4)
        for j in range(6):
            rows = slice(4 * j, 4 * j + 4)
            exact = stats.multivariate_normal.logpdf(
                data[rows], design @ arrays["beta"][s], covariance
            )
            assert_allclose(found.of_groups[s, j], exact, atol=1e-8)


def test_levels_of_the_same_groups_share_one_integral() -> None:
    model = slopes(correlated=False)()
    hierarchy, posterior = read_hierarchy(model), made_up(model, 20)
    one, other = hierarchy.levels
    shared = Densities(plain_model(model), hierarchy, posterior)
    density = shared.of([other, one])
    assert density is shared.of([one, other])
    found = shared.integrated(density, posterior)
    assert found is shared.integrated(density, posterior)
    assert shared.integrated(density, posterior.isel(draw=slice(5))) is not found
    for names in ([one, other], [other, one]):
        alone = GroupDensity(plain_model(model), hierarchy, names)
        exact = Marginal(alone, alone.arrays(posterior))
        assert_allclose(found.of_groups, exact.of_groups, rtol=1e-8)


def test_effects_around_zero_are_estimated_with_their_intercept() -> None:
    rng = np.random.default_rng(4)
    group = np.repeat(np.arange(5), 4)
    u, x = rng.normal(size=5)[group], rng.normal(size=20)
    with pm.Model(coords={"g": list("abcde")}) as model:
        intercept, by_u = pm.Normal("intercept", 0, 2), pm.Normal("by_u", 0, 1)
        by_x, tau = pm.Normal("by_x", 0, 1), pm.HalfNormal("tau", 1)
        z = pm.Normal("z", 0, 1, dims="g")
        effect = pm.Deterministic("effect", tau * z, dims="g")
        mean = intercept + by_u * u + by_x * x + effect[group]
        pm.Normal("y", mean, 1.0, observed=rng.normal(size=20))
    draws = made_up(model)
    totals = Totals(plain_model(model), read_hierarchy(model), "g", draws)
    assert set(totals.shared.terms) == {"intercept", "by_u"}
    assert set(totals.shared.pinned) == {"intercept", "by_u"}
    exact = (
        draws["tau"].values[..., None] * draws["z"].values + draws["intercept"].values[..., None]
    )
    exact = exact + draws["by_u"].values[..., None] * u[::4]
    assert_allclose(totals.of(draws).values, exact, rtol=1e-9, atol=1e-9)


def test_what_cannot_be_separated_is_said() -> None:
    with pm.Model(coords={"g": list("abc")}) as model:
        tau = pm.HalfNormal("tau", 1)
        u = pm.ZeroSumNormal("u", tau, dims="g")
        pm.Normal("y", u[np.arange(9) % 3], 1.0, observed=np.arange(9.0))
    hierarchy = read_hierarchy(model)
    with pytest.raises(NotSeparable, match="sum to zero"):
        GroupDensity(plain_model(model), hierarchy, list(hierarchy.levels))


def test_weights_of_rows_left_out_are_those_of_a_normal_mean() -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(size=12)
    mean = y.mean() + rng.normal(size=2000) / np.sqrt(12)
    found = leave_out(stats.norm.logpdf(y, mean[:, None]))
    exact = [stats.norm.logpdf(v, (y.sum() - v) / 11, np.sqrt(1 + 1 / 11)) for v in y]
    within(found.elpd, np.array(exact), found.each)
    assert not (found.pareto_k > 0.5).any()


def test_a_part_that_no_weighted_draw_allows_is_not_predicted() -> None:
    column = np.concatenate([np.linspace(-1, 0, 50), np.full(50, -2000.0)])
    found = leave_out(column[:, None])
    assert np.isnan(found.elpd).all()
    assert np.isinf(found.pareto_k).all()
    elpd, error = bridged(np.zeros((2, 50)), np.full((2, 50), -2000.0))
    assert np.isnan(elpd)
    assert np.isinf(error)


def test_a_bridge_reaches_what_neither_kind_of_draws_does() -> None:
    """A part five standard errors from what all others say, of a normal mean."""
    rng = np.random.default_rng(8)
    others, n, far = 0.0, 16, 5.0
    unseen = others + rng.normal(size=(4, 500)) / np.sqrt(n)
    seen = (n * others + 4 * far) / (n + 4) + rng.normal(size=(4, 500)) / np.sqrt(n + 4)
    exact = stats.norm.logpdf(far, others, np.sqrt(1 / n + 1 / 4))
    elpd, mcse = bridged(*(stats.norm.logpdf(far, m, 0.5) for m in (seen, unseen)))
    assert mcse < 0.5
    assert abs(elpd - exact) < 4 * mcse


def test_a_level_whose_scale_is_no_switch_is_said() -> None:
    model = slopes(correlated=True)()
    hierarchy = read_hierarchy(model)
    name = next(iter(hierarchy.levels))
    engine = Engine(model, ["beta"])
    densities = Densities(plain_model(model), hierarchy, made_up(model, 50))
    level = LevelPoolings(densities, name, engine)
    assert "its scale is one element of c" in level.why["no"]
    assert level.priors("complete") is None
