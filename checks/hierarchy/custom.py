"""Which parameter of a distribution that a user wrote is its location.

A location shifts with the data: adding the same number to the data and to the parameter leaves the
density as it is.
"""

from __future__ import annotations

import numpy as np

from .cheap import python_mode, uncompiled
from .response import Response
from .variables import Variable


def location_parameter(response: Response, outcome: Variable) -> str:
    """Return the role of the parameter that shifts a distribution, or an empty string.

    Parameters
    ----------
    response : Response
    outcome : Variable
        With a density that PyMC can evaluate.
    """
    try:
        return _shifting(response, outcome)
    except Exception:  # a density that cannot be evaluated at made-up values
        return ""


def _shifting(response: Response, outcome: Variable) -> str:
    import pymc as pm
    import pytensor
    import pytensor.tensor as pt

    parameters = {
        role: response.value((outcome.name, role))
        if (outcome.name, role) in response.keys
        else np.asarray(p.value, dtype=float)
        for role, p in outcome.parameters.items()
    }
    inputs = {role: pt.as_tensor(v).type(role) for role, v in parameters.items()}
    replaced = {
        p.expression: inputs[role].astype(p.expression.dtype)
        for role, p in outcome.parameters.items()
    }
    y = pt.as_tensor(np.asarray(outcome.values, dtype=float)).type("y")
    node = outcome.rv.owner
    with uncompiled():
        rv = node.op.make_node(*[replaced.get(v, v) for v in node.inputs]).outputs[
            node.outputs.index(outcome.rv)
        ]
        density = pytensor.function(
            [y, *inputs.values()], pm.logp(rv, y), mode=python_mode(), on_unused_input="ignore"
        )
        data = np.asarray(outcome.values, dtype=float)
        before = density(data, *parameters.values())
        if not np.isfinite(before).all():
            return ""
        for role, value in parameters.items():
            moved = {**parameters, role: value + 0.7}
            after = density(data + 0.7, *moved.values())
            alone = density(data + 0.7, *parameters.values())
            if np.allclose(before, after) and not np.allclose(before, alone):
                return role
    return ""
