"""SPC4xx: scales and components that can change places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..evidence import Evidence
from ..finding import Verdict
from ..hierarchy.response import Response
from ..hierarchy.variables import Support, Variable, Variables
from ..words import listed
from . import examples
from .rule import Fault, rule
from .spreads import GroupEffect, Spread

_GROUP = examples.DATA["group"]


@rule("SPC112", Verdict.WARN)
def scale_shared_by_factors(group_effects: Sequence[GroupEffect]) -> Iterator[Fault]:
    """Different factors share one scale.

    **Asks**: does one variable set the spread of the effects of two different groupings of the
    same rows?
    **Why it matters**: schools are then pooled as strongly as classes. A line that was copied is
    the usual cause.
    **What to do**: give each factor its own scale:
    ``pm.Normal("v", 0, pm.HalfNormal("tau_v", 1), dims="class")``.
    **Thresholds**: none.
    **Source**: Gelman and Hill (2007), Data Analysis Using Regression and
    Multilevel/Hierarchical Models, chapter 13.
    """
    for k, one in enumerate(group_effects):
        for other in group_effects[k + 1 :]:
            if one.predictor is not other.predictor or one.variable is other.variable:
                continue
            shared = {s.variable.name for s in one.spreads} & {
                s.variable.name for s in other.spreads
            }
            both = (one.grouped.group >= 0) & (other.grouped.group >= 0)
            if not shared or not both.any() or _same_groups(one, other, both):
                continue
            name = min(shared)
            scale = next(s.variable for s in one.spreads if s.variable.name == name)
            names = sorted([one.variable.name, other.variable.name])
            yield Fault(
                scale,
                f"{name} is the scale of two factors, {listed(names)}",
                "give each its own scale",
            )


def _same_groups(one: GroupEffect, other: GroupEffect, rows: np.ndarray) -> bool:
    return bool(np.array_equal(one.grouped.group[rows], other.grouped.group[rows]))


def _crossed(own_scale: bool) -> Evidence:
    def body(pm: Any) -> None:
        tau = pm.HalfNormal("tau", 2)
        u = pm.Normal("u", 0, tau, dims="group")
        v = pm.Normal("v", 0, pm.HalfNormal("tau_v", 2) if own_scale else tau, shape=5)
        mean = pm.Normal("a", 0, 5) + u[_GROUP] + v[examples.DATA["other group"]]
        pm.Normal("y", mean, pm.HalfNormal("sigma", 2), observed=examples.DATA["y"])

    return examples.model(body)


def _shared_within_factor() -> Evidence:
    def body(pm: Any) -> None:
        tau = pm.HalfNormal("tau", 2)
        za, zb = (pm.Normal(n, 0, 1, dims="group") for n in ("za", "zb"))
        slope = pm.Normal("b", 0, 1) + tau * zb[_GROUP]
        mean = pm.Normal("a", 0, 5) + tau * za[_GROUP] + slope * examples.DATA["x"]
        pm.Normal("y", mean, pm.HalfNormal("sigma", 2), observed=examples.DATA["y"])

    return examples.model(body)


scale_shared_by_factors.passes(lambda: _crossed(own_scale=True))
scale_shared_by_factors.fails(lambda: _crossed(own_scale=False), Verdict.WARN)
scale_shared_by_factors.false_alarm(_shared_within_factor)


@rule("SPC411", Verdict.WARN)
def scales_multiply(
    variables: Variables, response: Response, spreads: Sequence[Spread]
) -> Iterator[Fault]:
    """Two scales appear only as a product.

    **Asks**: do two scalar scales multiply the same effects, and nothing else?
    **Why it matters**: only their product is known: one may double while the other halves. The
    sampler follows that curve, and neither has a posterior that means anything.
    **What to do**: keep one of them. A global and a local scale (one per coefficient) are
    different: they are told apart.
    **Thresholds**: none.
    **Source**: the Stan user's guide, "Problematic posteriors".
    """
    uses = {s.variable.name: _uses(variables, s.variable) for s in spreads}
    effects = {s.of.name: s.of for s in spreads if not s.noise}
    reported = set()
    for name, effect in effects.items():
        scales = [
            s.variable
            for s in spreads
            if s.of.name == name and not s.noise and s.variable.size == 1
        ]
        for k, one in enumerate(scales):
            for other in scales[k + 1 :]:
                pair = frozenset((one.name, other.name))
                if pair in reported or uses[one.name] != uses[other.name]:
                    continue
                reported.add(pair)
                yield Fault(
                    other,
                    f"{one.name} and {other.name} only appear as a product, as the scale of "
                    f"{effect.name}",
                    "keep one of them",
                )


def _uses(variables: Variables, variable: Variable) -> frozenset[tuple[str, str]]:
    """Return the parameters that depend on a variable directly."""
    return frozenset(
        (child.name, role)
        for child in variables.values()
        for role, parameter in child.parameters.items()
        if variable.name in parameter.parents
    )


def _product(second: Any) -> Evidence:
    return examples.grouped(tau=lambda pm: pm.HalfNormal("tau", 2) * second(pm))


scales_multiply.passes(examples.grouped)
scales_multiply.fails(lambda: _product(lambda pm: pm.HalfNormal("kappa", 1)), Verdict.WARN)
# The noise scale appears in the likelihood as well: the two are told apart.
scales_multiply.false_alarm(
    lambda: examples.model(
        lambda pm: _scaled_by_noise(pm, pm.HalfNormal("tau", 2), pm.HalfNormal("sigma", 2))
    )
)


def _scaled_by_noise(pm: Any, tau: Any, sigma: Any) -> None:
    mean = pm.Normal("mu", 0, 5) + tau * sigma * pm.Normal("z", 0, 1, dims="group")[_GROUP]
    pm.Normal("y", mean, sigma, observed=examples.DATA["y"])


@rule("SPC410", Verdict.WARN)
def mixture_labels_switch(variables: Variables, response: Response) -> Iterator[Fault]:
    """The components of a mixture can change places.

    **Asks**: do the components of a mixture have the same priors and no order?
    **Why it matters**: every labelling fits equally well: chains find different ones, R-hat fails,
    and means over chains mix the components up.
    **What to do**: order them: ``pm.Normal("mu", 0, 1, shape=2,
    transform=pm.distributions.transforms.ordered, initval=[-1, 1])``.
    **Thresholds**: none.
    **Source**: Jasra, Holmes and Stephens (2005), doi:10.1214/088342305000000016.
    """
    for outcome in variables.values():
        if outcome.family != "Mixture" or variables.model.potentials:
            continue
        weights = outcome.parameters.get("weights")
        kinds = {role.partition(".")[0] for role in outcome.parameters} - {"weights"}
        if len(kinds) != 1 or weights is None:
            continue  # components of different families
        components = response.evaluate(weights.expression).shape[-1]
        parents = [variables[n] for n in outcome.parents if components in variables[n].shape]
        parents += [variables[n] for p in parents for n in p.parents if variables[n].size > 1]
        constants = [
            p.value
            for role, p in outcome.parameters.items()
            if role.startswith("component") and p.value is not None
        ]
        if any(p.transform == "Ordered" for p in parents) or any(map(_varies, constants)):
            continue
        if any(_told_apart(p) for p in parents):
            continue
        moving = [p for p in parents if p.support in (Support.REAL, Support.POSITIVE)]
        if moving and all(_permutes(response, outcome, p) for p in moving):
            yield Fault(
                moving[0],
                f"The components {moving[0].name} of {outcome.name} are exchangeable: chains will "
                "number them differently",
                "order them with transform=pm.distributions.transforms.ordered",
            )


def _varies(values: np.ndarray) -> bool:
    return values.size > 1 and bool(np.ptp(values) > 0)


def _told_apart(variable: Variable) -> bool:
    """Whether a prior treats its elements differently."""
    return any(
        p.value is not None and p.value.dtype.kind in "iuf" and _varies(p.value)
        for p in variable.parameters.values()
    )


def _permutes(response: Response, outcome: Variable, parent: Variable) -> bool:
    """Whether exchanging elements of a parent changes the components (they are not sorted)."""
    turned = {parent.name: np.flip(response.base[parent.name])}
    keys = [
        (outcome.name, role)
        for role, p in outcome.parameters.items()
        if parent.name in p.parents and (outcome.name, role) in response.keys
    ]
    return any(not np.array_equal(response.value(key), response.value(key, turned)) for key in keys)


def _mixture(**options: Any) -> Evidence:
    def body(pm: Any) -> None:
        extra = dict(options)
        if extra.pop("ordered", False):
            extra |= {
                "transform": pm.distributions.transforms.ordered,
                "initval": np.array([-1.0, 1.0]),
            }
        weights = pm.Dirichlet("w", np.ones(2))
        centre = pm.Normal("mu", extra.pop("centres", 0.0), 2, shape=2, **extra)
        pm.NormalMixture("y", w=weights, mu=centre, sigma=1, observed=examples.DATA["y"])

    return examples.model(body)


mixture_labels_switch.passes(lambda: _mixture(ordered=True))
mixture_labels_switch.fails(_mixture, Verdict.WARN)
mixture_labels_switch.false_alarm(lambda: _mixture(centres=np.array([-3.0, 3.0])))
