"""What can be known to be wrong before anything is simulated or written."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from ...checks.hierarchy import python_mode
from ...checks.hierarchy.known_values import observed_data
from ...checks.hierarchy.level import noise_by_outcome
from ..errors import SpecError, line_in, one_line
from ..expressions.expression import check_expressions
from .options import check_options
from .spec import ModelSpec

if TYPE_CHECKING:
    import pymc as pm


def build_model(spec: ModelSpec) -> pm.Model:
    """Build the model of a spec and refuse what cannot be reviewed.

    Raises
    ------
    SpecError
        If the function raises or returns no model, or the model has no likelihood, missing or
        constant data, duplicate groups, or levels, expectations or priors that name no variable.
    """
    model = model_of(spec)
    for look in (_likelihood, _data, _groups, _names, _start):
        look(spec, model)
    return model


def model_of(spec: ModelSpec) -> Any:
    """Build the model of a spec, whatever it is like.

    Raises
    ------
    SpecError
        If an option has not the form it must have, or the function raises or returns neither a
        PyMC nor a Bambi model.
    """
    import pymc as pm

    check_options(spec)
    try:
        model = of_bambi(spec.build())
    except SpecError:
        raise
    except (Exception, SystemExit) as error:
        raise SpecError(
            f"{spec.name} raises {one_line(error)}",
            path=spec.path,
            line=line_in(spec.path, error.__traceback__) if spec.path else None,
            expected="a function that returns a pm.Model",
        ) from error
    if inspect.iscoroutine(model):
        model.close()
    if not isinstance(model, pm.Model):
        raise SpecError(
            f"{spec.name} returns {_kind(model)}",
            path=spec.path,
            line=spec.line,
            expected="a pm.Model",
            do="end the function with 'return model', outside the 'with' block or inside it",
        )
    return model


def of_bambi(model: Any) -> Any:
    """Return the PyMC model behind a Bambi model, built if need be; anything else as it is."""
    if not type(model).__module__.startswith("bambi.") or not hasattr(model, "backend"):
        return model
    if not model.built:
        model.build()
    return model.backend.model


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _likelihood(spec: ModelSpec, model: pm.Model) -> None:
    if model.observed_RVs:
        return
    potentials = ", ".join(p.name for p in model.potentials)
    raise SpecError(
        f"{spec.name} has no likelihood: no variable has observed=...",
        path=spec.path,
        line=spec.line,
        expected="at least one variable with observed data",
        do=f"the Potential {potentials} is not enough: simulated data need a distribution"
        if potentials
        else "pass the data to the outcome: pm.Normal('y', ..., observed=y)",
    )


def _data(spec: ModelSpec, model: pm.Model) -> None:
    for name, values in observed_values(model).items():
        where: dict[str, Any] = {"path": spec.path, "line": spec.line_of(name) or spec.line}
        if values.size == 0:
            raise SpecError(f"the data of {name} are empty", **where)
        bad = ~np.isfinite(values)
        if bad.any():
            raise SpecError(
                f"the data of {name} hold {int(bad.sum())} values that are not finite "
                f"(the first in row {int(np.argmax(bad.ravel()))})",
                **where,
                expected="numbers",
                do="drop or mend these rows before the model is built",
            )
        if values.size > 1 and np.ptp(values) == 0:
            raise SpecError(
                f"the data of {name} are constant (every row is {values.flat[0]:g})",
                **where,
                expected="an outcome that varies",
                do="check which column is passed as observed",
            )
    imputed = [rv.name for rv in model.free_RVs if rv.name.endswith("_unobserved")]
    if imputed:
        outcome = imputed[0].removesuffix("_unobserved")
        raise SpecError(
            f"the data of {outcome} hold missing values (PyMC would impute them)",
            path=spec.path,
            line=spec.line_of(outcome) or spec.line,
            expected="an outcome without missing values",
            do="drop these rows before the model is built",
        )


def observed_values(model: pm.Model) -> dict[str, Any]:
    """Return the observed data of every outcome as float arrays."""
    return {str(rv.name): observed_data(model, rv)[0].astype(float) for rv in model.observed_RVs}


def _groups(spec: ModelSpec, model: pm.Model) -> None:
    variables = [*model.free_RVs, *model.deterministics]
    groups = {d for v in variables for d in model.named_vars_to_dims.get(v.name) or ()}
    for dim, labels in model.coords.items():
        # Labels of rows may repeat; labels of what is estimated may not.
        if labels is None or dim not in groups:
            continue
        seen: set[Any] = set()
        twice = sorted({str(v) for v in labels if v in seen or seen.add(v)})  # type: ignore[func-returns-value]
        if twice:
            raise SpecError(
                f"the groups of {dim} are not distinct: {', '.join(twice[:5])} occur twice",
                path=spec.path,
                line=spec.line,
                expected="one label per group",
                do="pass the distinct groups as coords and an index for the rows: "
                "index, groups = pandas.factorize(column)",
            )


def _names(spec: ModelSpec, model: pm.Model) -> None:
    known = set(model.named_vars)
    for option in ("levels", "quantities", "decisions"):
        for name in getattr(spec, option):
            if "/" in name or not name:
                raise SpecError(
                    f"{option}: the name {name!r} cannot be stored",
                    path=spec.path,
                    line=spec.line_with(name) or spec.line,
                    expected="a name without '/'",
                )
    for name, level in spec.levels.items():
        for role, variable in level.names().items():
            if variable not in known:
                raise SpecError(
                    f"level {name!r}: {role}={variable!r} names no variable of {spec.name}",
                    path=spec.path,
                    line=spec.line_with(variable) or spec.line,
                    expected=f"one of {', '.join(sorted(known))}",
                )
        if model[level.effect].ndim != 1:
            raise SpecError(
                f"level {name!r}: effect={level.effect!r} has {model[level.effect].ndim} "
                "dimensions",
                path=spec.path,
                line=spec.line_of(level.effect) or spec.line,
                expected="a vector with one value per group",
                do="declare one level per column, each with its own Deterministic",
            )
    check_roles(spec, model)
    free = {rv.name for rv in model.free_RVs}
    for option, names, choices in (
        ("expect", [e.of for e in spec.expect], known),
        ("priors", list(spec.priors), free),
    ):
        for name in names:
            if name not in choices:
                raise SpecError(
                    f"{option}: {name!r} names no variable of {spec.name}",
                    path=spec.path,
                    line=spec.line_with(name) or spec.line,
                    expected=f"one of {', '.join(sorted(choices))}",
                )
    check_expressions(spec.quantities, model, boolean=False)
    check_expressions(spec.decisions, model, boolean=True)
    from ...checks import REGISTRY

    for code, thresholds in spec.thresholds.items():
        choices = set(REGISTRY[code].thresholds) if code in REGISTRY else set()
        for name in thresholds:
            if name not in choices:
                raise SpecError(
                    f"thresholds: {code} has no threshold {name!r}"
                    if code in REGISTRY
                    else f"thresholds: there is no check {code}",
                    path=spec.path,
                    line=spec.line_with(code) or spec.line,
                    expected=f"one of {', '.join(sorted(choices or REGISTRY))}",
                )


def check_roles(spec: ModelSpec, model: pm.Model) -> None:
    """Refuse ``scales`` and ``noise`` that name no free variable or no outcome of the model.

    Raises
    ------
    SpecError
        With the line that declares them and the names to choose from.
    """
    free = sorted(str(rv.name) for rv in model.free_RVs)
    outcomes = sorted(str(v.name) for v in (*model.observed_RVs, *model.potentials))
    named = [("scales", n, free) for pair in spec.scales.items() for n in pair if n is not None]
    try:
        noise = noise_by_outcome(spec.noise, outcomes)
    except ValueError as error:
        raise SpecError(
            str(error),
            path=spec.path,
            line=spec.line,
            expected=f"one of {', '.join(outcomes)}",
            do='say of which: noise={"y": "sigma"}',
        ) from error
    for outcome, names in noise.items():
        named += [("noise", outcome, outcomes), *(("noise", n, free) for n in names)]
    for option, name, choices in named:
        if name not in choices:
            what = "outcome" if choices is outcomes else "free variable"
            raise SpecError(
                f"{option}: {name!r} names no {what} of {spec.name}",
                path=spec.path,
                line=spec.line_with(name) or spec.line,
                expected=f"one of {', '.join(choices)}",
            )
    for name, offset in spec.scales.items():
        if name == offset:
            raise SpecError(
                f"scales: {name!r} cannot be the scale of itself",
                path=spec.path,
                line=spec.line_with(name) or spec.line,
                expected="the variable it multiplies, or None",
            )


def _start(spec: ModelSpec, model: pm.Model) -> None:
    """Refuse a model whose density is not finite where every sampler starts."""
    try:
        terms = [*model.basic_RVs, *model.potentials]
        densities = model.logp(vars=terms, sum=False)
        point = _initial_point(model)
        evaluate = model.compile_fn(densities, mode=python_mode(), on_unused_input="ignore")
        values = evaluate(point)
    except SpecError:
        raise
    except Exception as error:
        raise SpecError(
            f"the density of {spec.name} cannot be computed: {one_line(error)}",
            path=spec.path,
            line=spec.line,
            do="check parameters, and the shapes of data, coords and indices",
        ) from error
    for term, value in zip(terms, values, strict=True):
        if not np.isfinite(np.sum(value)):
            raise SpecError(
                f"{spec.name} cannot be sampled: the density of {term.name} is "
                f"{np.sum(value):g} at the starting point",
                path=spec.path,
                line=spec.line_of(str(term.name)) or spec.line,
                expected="data and starting values inside the support of every variable",
                do="look for data outside the support, a negative scale, or a log of zero",
            )


def _initial_point(model: pm.Model) -> dict[str, Any]:
    from pytensor import config

    with config.change_flags(mode="FAST_COMPILE", cxx=""):
        point: dict[str, Any] = model.initial_point(random_seed=0)
    return point
