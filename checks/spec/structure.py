"""SPC6xx: parts of a model that do nothing, hide something or cost too much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..evidence import Evidence
from ..finding import Verdict
from ..hierarchy.distributions import as_tensor
from ..hierarchy.response import Response
from ..hierarchy.variables import Support, Variables
from ..words import counted, number
from . import examples
from .rule import Fault, rule

_Y, _X = examples.DATA["y"], examples.DATA["x"]


@rule("SPC605", Verdict.FAIL)
def variable_unused(variables: Variables) -> Iterator[Fault]:
    """A variable is not connected to the data.

    **Asks**: does every free variable reach a likelihood or a potential? One that is drawn from
    other variables, to predict a new group, is a note.
    **Why it matters**: its posterior is its prior; usually a term was left out of a formula.
    **What to do**: use it, or delete it; predict with ``pm.sample_posterior_predictive``.
    **Thresholds**: none.
    **Source**: stanc3, pedantic mode: "parameter is never used".
    """
    if not variables.observed and not variables.model.potentials:
        return  # SPC606
    for variable in variables.free:
        if variable.reaches_data or variable.name.endswith("_unobserved"):
            continue
        predicted = bool(variable.parents)
        yield Fault(
            variable,
            f"{variable.name} does not reach any data: "
            + ("it is sampled with the parameters" if predicted else "its posterior is its prior"),
            "draw it with pm.sample_posterior_predictive" if predicted else "use it or delete it",
            verdict=Verdict.NOTE if predicted else None,
        )


def _forgotten(pm: Any) -> float:
    pm.Normal("b", 0, 1)
    return 0.0


variable_unused.passes(examples.grouped)
variable_unused.fails(lambda: examples.grouped(more=_forgotten))
variable_unused.false_alarm(lambda: examples.grouped(more=lambda pm: pm.Normal("b", 0, 1) * _X))


@rule("SPC606", Verdict.FAIL)
def no_likelihood(variables: Variables) -> Iterator[Fault]:
    """The model has no data.

    **Asks**: is there a variable with ``observed=...``, or a potential?
    **Why it matters**: the posterior of such a model is its prior.
    **What to do**: ``pm.Normal("y", mu, sigma, observed=y)``.
    **Thresholds**: none.
    **Source**: the definition of a posterior.
    """
    if not variables.observed and not variables.model.potentials:
        yield Fault("model", "No variable has observed data", "pass observed=... to the outcome")


no_likelihood.passes(examples.grouped)
no_likelihood.fails(lambda: examples.model(lambda pm: pm.Normal("a", 0, 1)))
no_likelihood.false_alarm(
    lambda: examples.model(lambda pm: pm.Potential("p", -((pm.Normal("a", 0, 1) - 1) ** 2)))
)


@rule("SPC607", Verdict.NOTE)
def deterministic_constant(variables: Variables) -> Iterator[Fault]:
    """A Deterministic does not depend on anything random.

    **Asks**: does every ``Deterministic`` depend on a random variable?
    **Why it matters**: the same numbers are computed and stored once per draw.
    **What to do**: ``pm.Data("x", x)``, or a coordinate.
    **Thresholds**: none.
    **Source**: the documentation of ``pm.Deterministic``.
    """
    for deterministic in variables.model.deterministics:
        if not variables.parents_of(deterministic):
            name = str(deterministic.name)
            yield Fault(
                name,
                f"{name} depends on nothing random and is stored once per draw",
                f'use pm.Data("{name}", ...)',
                line=variables.line_of(name),
            )


def _deterministic(factor: Any) -> Evidence:
    return examples.outcome(
        lambda pm, a, s: (
            pm.Deterministic("d", pm.math.stack([1.0, 2.0]) * (a if factor is None else factor)),
            pm.Normal("y", a, s, observed=_Y),
        )
    )


deterministic_constant.passes(examples.grouped)
deterministic_constant.fails(lambda: _deterministic(1.0), Verdict.NOTE)
deterministic_constant.false_alarm(lambda: _deterministic(None))


@rule("SPC608", Verdict.WARN)
def likelihood_in_potential(variables: Variables, *, rows: int = 5) -> Iterator[Fault]:
    """Data enter through a potential.

    **Asks**: does a ``Potential`` contain an array of at least ``rows`` numbers?
    **Why it matters**: data cannot be simulated from a potential: prior and posterior predictive
    checks, LOO and most of a review see nothing of this outcome.
    **What to do**: ``pm.CustomDist("y", mu, sigma, logp=logp, random=random, observed=y)``.
    **Thresholds**: ``rows`` 5: shorter arrays are usually constants of a constraint.
    **Source**: the documentation of ``pm.Potential`` and ``pm.CustomDist``.
    """
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.graph.basic import Constant
    from pytensor.graph.traversal import ancestors

    named = set(variables.model.basic_RVs)
    for potential in variables.model.potentials:
        held = [
            np.asarray(node.data if isinstance(node, Constant) else node.get_value(borrow=True))
            for node in ancestors([as_tensor(potential)], blockers=named)
            if isinstance(node, Constant | SharedVariable) and getattr(node, "ndim", 0) >= 1
        ]
        sizes = [values.size for values in held if values.dtype.kind == "f"]
        if max(sizes, default=0) >= rows:
            name = str(potential.name)
            yield Fault(
                name,
                f"The potential {name} holds {max(sizes)} numbers: no check can simulate them",
                "use observed=... or pm.CustomDist",
                value=max(sizes),
                threshold=rows,
                line=variables.line_of(name),
            )


likelihood_in_potential.passes(examples.grouped)
likelihood_in_potential.fails(
    lambda: examples.outcome(
        lambda pm, a, s: pm.Potential("p", pm.logp(pm.Normal.dist(a, s), _Y).sum())
    ),
    Verdict.WARN,
)
likelihood_in_potential.false_alarm(
    lambda: examples.outcome(
        lambda pm, a, s: (
            pm.Potential("p", pm.math.switch(a > 0, 0.0, -10.0)),
            pm.Normal("y", a, s, observed=_Y),
        )
    )
)


@rule("SPC609", Verdict.NOTE, opt_in=True)
def vector_without_dims(variables: Variables) -> Iterator[Fault]:
    """A vector has no named dimension.

    **Asks**: does every free vector have ``dims``? Asked only when selected by its code.
    **Why it matters**: results are labelled with numbers, and groups are confused.
    **What to do**: ``pm.Model(coords={"school": names})`` and ``dims="school"``.
    **Thresholds**: none.
    **Source**: the documentation of PyMC on dims and coords.
    """
    for variable in variables.free:
        made_by_pymc = variable.name.endswith(("_", "_hsgp_coeffs", "_unobserved"))
        if variable.size < 2 or variable.dims or made_by_pymc:
            continue
        if variable.support is not Support.COVARIANCE:
            yield Fault(variable, f"{variable.name} has no named dimension", "pass dims=...")


vector_without_dims.passes(examples.grouped)
vector_without_dims.fails(lambda: examples.regression(np.c_[_X, _X**2]), Verdict.NOTE)
vector_without_dims.false_alarm(lambda: examples.correlated(2.0, labelled=True))


@rule("SPC611", Verdict.NOTE, opt_in=True)
def data_not_replaceable(variables: Variables) -> Iterator[Fault]:
    """No data can be replaced.

    **Asks**: does a model with observed data hold at least one ``pm.Data``? Asked only when
    selected by its code.
    **Why it matters**: without it the fitted model cannot predict for other rows.
    **What to do**: ``x = pm.Data("x", x, dims="row")`` and ``pm.set_data`` to predict.
    **Thresholds**: none.
    **Source**: the documentation of ``pm.set_data``.
    """
    if variables.observed and not variables.model.data_vars:
        yield Fault(variables.observed[0], "No data of the model can be replaced", "use pm.Data")


data_not_replaceable.passes(examples.grouped)
data_not_replaceable.fails(lambda: examples.regression(_X), Verdict.NOTE)
data_not_replaceable.false_alarm(lambda: examples.model(lambda pm: pm.Normal("a", 0, 1)))


@rule("SPC612", Verdict.NOTE)
def data_in_minibatches(variables: Variables) -> Iterator[Fault]:
    """The likelihood sees one batch at a time.

    **Asks**: are the data of an outcome a ``pm.Minibatch``?
    **Why it matters**: rows per group, residuals, LOO and predictive checks refer to one random
    batch; a sampler then targets another density at every step.
    **What to do**: use all rows for a review; minibatches are for ``pm.fit``.
    **Thresholds**: none.
    **Source**: the documentation of ``pm.Minibatch``.
    """
    for outcome in variables.observed:
        value = as_tensor(variables.model.rvs_to_values[outcome.rv])
        ops = {type(v.owner.op).__name__ for v in (outcome.rv, value) if v.owner is not None}
        if any("Minibatch" in op for op in ops):
            yield Fault(
                outcome,
                f"{outcome.name} holds one batch of the data",
                "use all rows where results are judged",
            )


def _in_batches(pm: Any, a: Any, s: Any) -> None:
    batch = pm.Minibatch(_Y, batch_size=8)
    pm.Normal("y", a, s, observed=batch, total_size=_Y.size)


data_in_minibatches.passes(examples.grouped)
data_in_minibatches.fails(lambda: examples.outcome(_in_batches), Verdict.NOTE)
data_in_minibatches.false_alarm(
    lambda: examples.outcome(lambda pm, a, s: pm.Normal("y", a, s, observed=_Y[:8]))
)


@rule("SPC614", Verdict.WARN)
def discrete_parameter(variables: Variables) -> Iterator[Fault]:
    """A free variable is discrete.

    **Asks**: does a free variable take whole numbers only?
    **Why it matters**: gradients do not exist for it: the sampler falls back to alternating
    steps, which mix badly, and nutpie refuses the model.
    **What to do**: sum it out: ``pm.Mixture``, ``pm.NormalMixture``, a zero-inflated family, or
    ``pymc_extras.marginalize(model, ["k"])``.
    **Thresholds**: none.
    **Source**: the Stan user's guide, "Latent discrete parameters".
    """
    for variable in variables.free:
        if variable.support is Support.DISCRETE and not variable.name.endswith("_unobserved"):
            yield Fault(
                variable,
                f"{variable.name} ({variable.family}) is discrete: it has no gradient",
                "sum it out with pm.Mixture or pymc_extras.marginalize",
            )


discrete_parameter.passes(examples.grouped)
discrete_parameter.fails(
    lambda: examples.grouped(more=lambda pm: pm.Bernoulli("k", 0.5) * _X), Verdict.WARN
)
discrete_parameter.false_alarm(lambda: examples.grouped(more=lambda pm: pm.Beta("k", 1, 1) * _X))


@rule("SPC615", Verdict.WARN)
def deterministic_huge(
    variables: Variables, response: Response, *, gigabytes: float = 1.0, draws: int = 4000
) -> Iterator[Fault]:
    """A Deterministic fills the memory.

    **Asks**: do ``draws`` draws of a ``Deterministic`` take more than ``gigabytes``?
    **Why it matters**: every draw is kept in memory, and written with the run.
    **What to do**: leave out ``pm.Deterministic`` around the expression, and compute it when it
    is needed: ``pm.compute_deterministics(posterior, var_names=["mu"])``.
    **Thresholds**: ``gigabytes`` 1 at ``draws`` 4000 (four chains of 1000): conventions of
    poolwise.
    **Source**: the documentation of ``pm.Deterministic`` and ``pm.compute_deterministics``.
    """
    for deterministic in variables.model.deterministics:
        name = str(deterministic.name)
        shape = as_tensor(deterministic).type.shape
        if None in shape:
            shape = response.evaluate(deterministic).shape
        size = int(np.prod([s or 0 for s in shape]))
        memory = size * draws * 8 / 1e9
        if memory > gigabytes:
            yield Fault(
                name,
                f"{name} keeps {counted(size, 'number')} per draw: {number(memory)} GB in "
                f"{draws} draws",
                "leave out pm.Deterministic and compute it when needed",
                value=memory,
                threshold=gigabytes,
                line=variables.line_of(name),
            )


def _kept(rows: int) -> Evidence:
    return examples.outcome(
        lambda pm, a, s: (
            pm.Deterministic("mu", a * np.ones(rows)),
            pm.Normal("y", a, s, observed=_Y),
        )
    )


deterministic_huge.passes(examples.grouped)
deterministic_huge.fails(lambda: _kept(100_000), Verdict.WARN)
deterministic_huge.false_alarm(lambda: _kept(10_000))
