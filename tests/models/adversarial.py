"""Models that are hard to read: what a linter must survive, with a finding or with a reason."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

RNG = np.random.default_rng(42)
GROUPS, ROWS = 8, 120
GROUP = np.sort(RNG.integers(0, GROUPS, ROWS))
X = RNG.normal(size=ROWS)
Y = X + RNG.normal(size=ROWS)
COUNTS = RNG.poisson(3, ROWS)
COORDS = {"group": range(GROUPS)}


def _grouped(index: np.ndarray) -> pm.Model:
    with pm.Model(coords=COORDS) as model:
        tau = pm.HalfNormal("tau", 1)
        theta = pm.Normal("mu", 0, 1) + tau * pm.Normal("z", 0, 1, dims="group")
        pm.Normal("y", theta[pm.Data("index", index)], pm.HalfNormal("sigma", 1), observed=Y)
    return model


def index_out_of_range() -> pm.Model:
    return _grouped(GROUP + 1)


def index_negative() -> pm.Model:
    return _grouped(np.where(GROUP == 3, -1, GROUP))


def index_of_floats() -> pm.Model:
    """Codes that were floats because a column held missing values."""
    return _grouped(GROUP.astype(float).astype(int))


def groups_empty() -> pm.Model:
    return _grouped(np.where(GROUP == 3, 2, GROUP))


def counts_cast_from_floats() -> pm.Model:
    with pm.Model() as model:
        rate = pm.Normal("rate", 0, 1)
        data = pm.Data("data", COUNTS + 0.7)
        pm.Poisson("y", pm.math.exp(rate), observed=data)
    return model


def data_not_finite() -> pm.Model:
    with pm.Model() as model:
        data = pm.Data("data", np.where(X > 2, np.inf, Y))
        pm.Normal("y", pm.Normal("mu", 0, 1), pm.HalfNormal("sigma", 1), observed=data)
    return model


def data_empty() -> pm.Model:
    with pm.Model() as model:
        pm.Normal("y", pm.Normal("mu", 0, 1), pm.HalfNormal("sigma", 1), observed=Y[:0])
    return model


def data_missing() -> pm.Model:
    with pm.Model(coords=COORDS) as model:
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau", 1), dims="group")
        pm.Normal("y", theta[GROUP], 1.0, observed=np.where(X > 2, np.nan, Y))
    return model


def scan() -> pm.Model:
    """An autoregressive state, innovated inside a loop."""
    steps = 12
    with pm.Model() as model:
        innovations = pm.Normal("innovations", 0, 1, shape=steps)
        scale, rho = pm.HalfNormal("scale", 1), pm.Uniform("rho", 0, 1)
        state = pytensor.scan(
            lambda e, previous, r, s: r * previous + s * e,
            sequences=[innovations],
            outputs_info=[pt.zeros(())],
            non_sequences=[rho, scale],
            return_updates=False,
        )
        pm.Normal("y", state, pm.HalfNormal("sigma", 1), observed=Y[:steps])
    return model


def potential_only() -> pm.Model:
    with pm.Model(coords=COORDS) as model:
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau", 1), dims="group")
        noise = pm.HalfNormal("sigma", 1)
        pm.Potential("likelihood", pm.logp(pm.Normal.dist(theta[GROUP], noise), Y).sum())
    return model


def no_data() -> pm.Model:
    with pm.Model() as model:
        pm.Normal("mu", 0, 1)
    return model


def nothing() -> pm.Model:
    with pm.Model() as model:
        pass
    return model


def custom_likelihood() -> pm.Model:
    with pm.Model(coords=COORDS) as model:
        tau = pm.HalfNormal("tau", 1)
        mean = tau * pm.Normal("z", 0, 1, dims="group")[GROUP]
        noise = pm.HalfNormal("sigma", 1)
        pm.CustomDist(
            "y", mean, noise, logp=lambda y, m, s: -(((y - m) / s) ** 2) / 2 - pt.log(s), observed=Y
        )
    return model


def multivariate_outcome() -> pm.Model:
    with pm.Model(coords=COORDS | {"outcome": range(2)}) as model:
        sd = pm.Exponential.dist(1)
        chol, _, _ = pm.LKJCholeskyCov("residual", n=2, eta=2, sd_dist=sd)
        tau = pm.HalfNormal("tau", 1, dims="outcome")
        effects = pm.Normal("effects", 0, tau, dims=("group", "outcome"))
        pm.MvNormal("y", effects[GROUP], chol=chol, observed=RNG.normal(size=(ROWS, 2)))
    return model


def ordinal() -> pm.Model:
    with pm.Model(coords=COORDS) as model:
        ordered = pm.distributions.transforms.ordered
        cuts = pm.Normal("cuts", 0, 2, shape=2, transform=ordered, initval=[-1, 1])
        eta = pm.HalfNormal("tau", 1) * pm.Normal("z", 0, 1, dims="group")[GROUP]
        pm.OrderedLogistic("y", eta=eta, cutpoints=cuts, observed=COUNTS % 3)
    return model


def minibatch() -> pm.Model:
    index, data = pm.Minibatch(GROUP, Y, batch_size=16)
    with pm.Model(coords=COORDS) as model:
        theta = pm.Normal("theta", 0, pm.HalfNormal("tau", 1), dims="group")
        pm.Normal("y", theta[index], 1.0, observed=data, total_size=ROWS)
    return model


def scalars_in_a_loop() -> pm.Model:
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1)
        theta = pt.stack([pm.Normal(f"theta_{j}", mu, tau) for j in range(GROUPS)])
        pm.Normal("y", theta[GROUP], pm.HalfNormal("sigma", 1), observed=Y)
    return model


def half_centred() -> pm.Model:
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1)
        centred = pm.Normal("centred", mu, tau, shape=4)
        other = mu + tau * pm.Normal("z", 0, 1, shape=4)
        theta = pt.concatenate([centred, other])
        pm.Normal("y", theta[GROUP], pm.HalfNormal("sigma", 1), observed=Y)
    return model


def nonlinear_mean() -> pm.Model:
    with pm.Model(coords=COORDS) as model:
        tau, z = pm.HalfNormal("tau", 1), pm.Normal("z", 0, 1, dims="group")
        rate = pm.math.exp(pm.Normal("log_rate", 0, 1) + tau * z)
        mean = pm.LogNormal("top", 0, 1) * (1 - pm.math.exp(-rate[GROUP] * np.abs(X)))
        pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=Y)
    return model


def two_outcomes() -> pm.Model:
    with pm.Model(coords=COORDS) as model:
        u = pm.Normal("u", 0, pm.HalfNormal("tau", 1), dims="group")
        pm.Normal("y", u[GROUP], pm.HalfNormal("sigma", 1), observed=Y)
        rate = pm.math.exp(pm.Normal("loading", 0, 1) * u)
        pm.Poisson("n", rate, observed=COUNTS[:GROUPS])
    return model


def matrix_outcome() -> pm.Model:
    with pm.Model(coords=COORDS | {"repeat": range(4)}) as model:
        theta = pm.Normal("theta", pm.Normal("mu", 0, 1), pm.HalfNormal("tau", 1), dims="group")
        data = RNG.normal(size=(GROUPS, 4))
        pm.Normal("y", theta[:, None], 1.0, observed=data, dims=("group", "repeat"))
    return model


def three_hundred_variables() -> pm.Model:
    with pm.Model() as model:
        mean = sum(pm.Normal(f"b_{k}", 0, 1) * RNG.normal(size=ROWS) for k in range(300))
        pm.Normal("y", mean, pm.HalfNormal("sigma", 1), observed=Y)
    return model


def predictors_huge() -> pm.Model:
    with pm.Model() as model:
        eta = pm.Normal("a", 0, 1) + pm.Normal("b", 0, 1) * (1e6 * X)
        pm.Bernoulli("y", logit_p=eta, observed=COUNTS > 3)
    return model


def labelled() -> pm.Model:
    """Variables of ``pymc.dims``."""
    import pymc.dims as pmd

    with pm.Model(coords=COORDS | {"row": range(ROWS)}) as model:
        theta = pmd.Normal("theta", 0, pmd.HalfNormal("tau", 1), dims="group")
        index = pmd.Data("index", GROUP, dims="row")
        data = pmd.as_xtensor(Y, dims=("row",))
        pmd.Normal("y", theta.isel(group=index), 1.0, observed=data, dims="row")
    return model


def labelled_slopes() -> pm.Model:
    """Two columns of effects by ``pymc.dims``, behind a log link."""
    import pymc.dims as pmd

    with pm.Model(coords=COORDS | {"row": range(ROWS), "term": ["a", "b"]}) as model:
        tau = pmd.HalfNormal("tau", 1, dims="term")
        z = pmd.Normal("z", 0, 1, dims=("group", "term"))
        index = pmd.Data("index", GROUP, dims="row")
        x = pmd.as_xtensor(np.stack([np.ones(ROWS), X]), dims=("term", "row"))
        rate = pmd.math.exp(((tau * z).isel(group=index) * x).sum("term"))
        pmd.Poisson("y", rate, observed=pmd.as_xtensor(COUNTS, dims=("row",)))
    return model


def labelled_index_negative() -> pm.Model:
    import pymc.dims as pmd

    with pm.Model(coords=COORDS | {"row": range(ROWS)}) as model:
        theta = pmd.Normal("theta", 0, pmd.HalfNormal("tau", 1), dims="group")
        index = pmd.Data("index", np.where(GROUP == 3, -1, GROUP), dims="row")
        data = pmd.as_xtensor(Y, dims=("row",))
        pmd.Normal("y", theta.isel(group=index), 1.0, observed=data, dims="row")
    return model


def hurdle() -> pm.Model:
    with pm.Model(coords=COORDS) as model:
        eta = pm.HalfNormal("tau", 1) * pm.Normal("z", 0, 1, dims="group")[GROUP]
        share = pm.Beta("share", 1, 1)
        pm.HurdlePoisson("y", psi=share, mu=pm.math.exp(eta), observed=COUNTS)
    return model


def truncated_counts() -> pm.Model:
    with pm.Model(coords=COORDS) as model:
        eta = pm.Normal("u", 0, pm.HalfNormal("tau", 1), dims="group")[GROUP]
        rate = pm.Poisson.dist(pm.math.exp(eta))
        pm.Truncated("y", rate, lower=1, observed=np.maximum(COUNTS, 1))
    return model


def no_group_at_all() -> pm.Model:
    """A dimension without labels, as from a filter that left nothing."""
    with pm.Model(coords={"group": []}) as model:
        pm.Normal("u", 0, pm.HalfNormal("tau", 1), dims="group")
        pm.Normal("y", pm.Normal("a", 0, 1), 1.0, observed=Y)
    return model


def single_group() -> pm.Model:
    with pm.Model(coords={"group": ["only"]}) as model:
        u = pm.Normal("u", 0, pm.HalfNormal("tau", 1), dims="group")
        pm.Normal("y", pm.Normal("a", 0, 1) + u[np.zeros(ROWS, int)], 1.0, observed=Y)
    return model


def index_is_random() -> pm.Model:
    """Rows choose their group: the index is a latent class."""
    with pm.Model(coords=COORDS) as model:
        index = pm.Categorical("index", np.full(GROUPS, 1 / GROUPS), shape=ROWS)
        u = pm.Normal("u", 0, pm.HalfNormal("tau", 1), dims="group")
        pm.Normal("y", u[index], 1.0, observed=Y)
    return model


def boolean_mask() -> pm.Model:
    with pm.Model(coords=COORDS) as model:
        u = pm.Normal("u", 0, pm.HalfNormal("tau", 1), dims="group")
        mean = pt.switch(pt.as_tensor(X > 0), u[GROUP], 0.0)
        pm.Normal("y", mean, 1.0, observed=Y)
    return model


def data_exchangeable() -> pm.Model:
    """Every array is ``pm.Data``, of unknown length."""
    with pm.Model(coords=COORDS) as model:
        index, y = pm.Data("index", GROUP), pm.Data("data", Y)
        u = pm.Normal("u", 0, pm.HalfNormal("tau", 1), dims="group")
        mean = u[index] + pm.Normal("b", 0, 1) * pm.Data("x", X)
        pm.Normal("y", mean, 1.0, observed=y, shape=y.shape)
    return model


def gradient_stopped() -> pm.Model:
    """An op that Python evaluates and nothing differentiates."""
    from pytensor.compile.ops import as_op

    @as_op(itypes=[pt.dvector], otypes=[pt.dvector])  # type: ignore[untyped-decorator]
    def black_box(u: np.ndarray) -> np.ndarray:
        return np.sort(u)

    with pm.Model(coords=COORDS) as model:
        u = pm.Normal("u", 0, pm.HalfNormal("tau", 1), dims="group")
        pm.Normal("y", black_box(u)[GROUP], 1.0, observed=Y)
    return model


def two_potentials() -> pm.Model:
    with pm.Model() as model:
        a, s = pm.Normal("a", 0, 1), pm.HalfNormal("s", 1)
        pm.Potential("likelihood", pm.logp(pm.Normal.dist(a, s), Y).sum())
        pm.Potential("constraint", pt.switch(a > 0, 0.0, -np.inf))
    return model


def matrix_of_covariances() -> pm.Model:
    """A covariance for every group: more than anybody can read off."""
    with pm.Model(coords=COORDS) as model:
        scales = pm.HalfNormal("scales", 1, shape=(GROUPS, 2))
        covariance = scales[..., None] * np.eye(2) * scales[:, None, :]
        u = pm.MvNormal("u", np.zeros(2), cov=covariance, shape=(GROUPS, 2))
        pm.Normal("y", u[GROUP, 0] + u[GROUP, 1] * X, 1.0, observed=Y)
    return model


#: Model -> a code that must be among the findings, or an empty string where none is expected.
EXPECTED = {
    index_out_of_range: "SPC604",
    index_negative: "SPC604",
    index_of_floats: "",
    groups_empty: "SPC603",
    counts_cast_from_floats: "SPC501",
    data_not_finite: "SPC505",
    data_empty: "",
    data_missing: "SPC508",
    scan: "",
    potential_only: "SPC608",
    no_data: "SPC606",
    nothing: "SPC606",
    custom_likelihood: "",
    multivariate_outcome: "",
    ordinal: "",
    minibatch: "SPC612",
    scalars_in_a_loop: "",
    half_centred: "",
    nonlinear_mean: "",
    two_outcomes: "",
    matrix_outcome: "",
    three_hundred_variables: "",
    predictors_huge: "SPC204",
    labelled: "",
    labelled_slopes: "",
    labelled_index_negative: "SPC604",
    hurdle: "",
    truncated_counts: "",
    no_group_at_all: "",
    single_group: "",
    index_is_random: "SPC614",
    boolean_mask: "",
    data_exchangeable: "",
    gradient_stopped: "",
    two_potentials: "SPC608",
    matrix_of_covariances: "",
}
