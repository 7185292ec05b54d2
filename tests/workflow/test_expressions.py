"""Expressions: what they compute, and what they refuse."""

from __future__ import annotations

import ast
import builtins

import numpy as np
import pymc as pm
import pytest
import xarray as xr

from poolwise.workflow.errors import SpecError
from poolwise.workflow.expressions.expression import Expression, check_expressions


@pytest.fixture
def posterior() -> xr.Dataset:
    rng = np.random.default_rng(1)
    dims = ("chain", "draw")
    return xr.Dataset(
        {
            "mu": (dims, rng.normal(size=(2, 6))),
            "theta": ((*dims, "school"), rng.normal(size=(2, 6, 3))),
            "slope": ((*dims, "school", "topic"), rng.normal(size=(2, 6, 3, 2))),
            "1|county": ((*dims, "county"), rng.normal(size=(2, 6, 2))),
        },
        coords={"school": ["A", "B", "C d"], "topic": ["x", "y"], "county": [1, -2]},
    )


#: expression -> the same in NumPy: mu (2, 6), theta (2, 6, 3), slope (2, 6, 3, 2), county (2, 6, 2)
VALUES = {
    "mu": lambda mu, theta, slope, county: mu,
    "-mu + 2 * mu ** 2 / 3 - +1": lambda mu, theta, slope, county: -mu + 2 * mu**2 / 3 - 1,
    "2 ** -1 * mu": lambda mu, theta, slope, county: mu / 2,
    'theta["A"] - theta["C d"]': lambda mu, theta, slope, county: theta[..., 0] - theta[..., 2],
    "slope['B', 'y']": lambda mu, theta, slope, county: slope[..., 1, 1],
    'max(at(slope, topic="y"))': lambda mu, theta, slope, county: slope[..., 1].max(-1),
    'at(slope, topic="y", school="A")': lambda mu, theta, slope, county: slope[..., 0, 1],
    "`1|county`[1] + `1|county`[-2]": lambda mu, theta, slope, county: county.sum(-1),
    "theta > mu": lambda mu, theta, slope, county: theta > mu[..., None],
    "not mu > 0": lambda mu, theta, slope, county: ~(mu > 0),
    "-1 < mu <= 1": lambda mu, theta, slope, county: (mu > -1) & (mu <= 1),
    "mu > 1 or mu < 0 and mu != 0": lambda mu, theta, slope, county: (mu > 1) | (mu < 0),
    "mean(theta > 0)": lambda mu, theta, slope, county: (theta > 0).mean(-1),
    "(mu > 0) + (mu > -1)": lambda mu, theta, slope, county: (mu > 0) * 1.0 + (mu > -1),
    "sd(theta)": lambda mu, theta, slope, county: theta.std(-1, ddof=1),
    "sum(slope)": lambda mu, theta, slope, county: slope.sum((-1, -2)),
    'min(slope, "topic")': lambda mu, theta, slope, county: slope.min(-1),
    'max(slope, dim="school")': lambda mu, theta, slope, county: slope.max(-2),
    "exp(mu) + log(abs(mu)) + sqrt(mu ** 2)": lambda mu, theta, slope, county: (
        np.exp(mu) + np.log(np.abs(mu)) + np.abs(mu)
    ),
    "expit(mu)": lambda mu, theta, slope, county: 1 / (1 + np.exp(-mu)),
    "logit(expit(mu))": lambda mu, theta, slope, county: mu,
    "mu\n  + 1": lambda mu, theta, slope, county: mu + 1,
}


@pytest.mark.parametrize("text", VALUES)
def test_values_are_those_of_numpy(text: str, posterior: xr.Dataset) -> None:
    found = Expression(text)(posterior)

    arrays = [posterior[n].values for n in ("mu", "theta", "slope", "1|county")]
    expected = VALUES[text](*arrays)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found.transpose("chain", "draw", ...).values, expected, rtol=1e-12)


#: expression -> what the message says
REFUSED = {
    "__import__('os').system('true')": "calls __import__('os').system()",
    "open('/etc/passwd')": "calls open()",
    "eval('1')": "calls eval()",
    "mu.values": "an attribute (a dot)",
    "mu.__class__.__mro__": "an attribute (a dot)",
    "max.__globals__": "an attribute (a dot)",
    "theta[mu.values]": "something else than a label",
    "import os": "does not parse",
    "mu; mu": "does not parse",
    "mu = 1": "does not parse",
    "(mu := 1)": "an assignment (:=)",
    "lambda: mu": "a lambda",
    "[x for x in mu]": "a comprehension",
    "mu if mu > 0 else 1": "if ... else",
    "f'{mu}'": "an f-string",
    "theta[0:1]": "something else than a label",
    "mu % 2": "an operation (Mod)",
    "mu @ mu": "an operation (MatMult)",
    "~(mu > 0)": "an operation (Invert)",
    "mu in theta": "compares with in or is",
    "True": "holds True",
    "'mu'": "holds 'mu'",
    "1j * mu": "holds 1j",
    "exp(mu, mu)": "exp() takes one value",
    "exp(*mu)": "a star",
    "max(theta, 1)": "max() takes a value and the name of a dimension",
    "max(theta, axis='school')": "max() takes a value and the name of a dimension",
    "at(theta)": "at() takes a value and labels",
    "at(theta, **mu)": "at() takes a value and labels",
    "maxx(theta)": "did you mean max()?",
    "": "does not parse",
    "(" * 300 + "mu" + ")" * 300: "does not parse",
    "-" * 100 + "mu": "more than 60 deep",
    "+".join(["(mu + mu)"] * 300): "is longer than 2000 characters",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_in_the_grammar_is_refused_before_anything_is_evaluated(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        Expression(text, label="decisions: 'd'", path="a.toml", line=7)

    assert REFUSED[text] in str(caught.value)
    assert str(caught.value).startswith("a.toml:7: decisions: 'd' ")
    assert len(str(caught.value)) < 500


#: expression -> what the message says when it meets a posterior
UNFIT = {
    "thetta": "did you mean theta?",
    "`1|countie`": "did you mean `1|county`?",
    "theta['a']": "selects school 'a', which occurs 0 times",
    "theta['A', 'x']": "selects 2 labels of theta, which has the dims school",
    "slope['A']": 'at(slope, school="...")',
    "mu['A']": "one value per draw",
    "at(theta, topic='x')": "selects along topic",
    "max(mu)": "one value per draw",
    "max(theta, 'draw')": "over draw",
    "mu and mu > 0": "whether mu is true, which is a number",
    "not `1|county`": "whether `1|county` is true",
    "1 + 1": "the same number at every draw",
    "1 < 2": "the same number at every draw",
    "max(1)": "takes 1 for a variable",
}


@pytest.mark.parametrize("text", UNFIT)
def test_what_does_not_fit_the_posterior_says_what_would(text: str, posterior: xr.Dataset) -> None:
    with pytest.raises(SpecError) as caught:
        Expression(text, path="a.toml", line=7)(posterior)

    assert UNFIT[text] in str(caught.value)
    assert caught.value.line == 7


def test_huge_powers_end(posterior: xr.Dataset) -> None:
    assert np.isinf(Expression("9 ** 9 ** 9 ** 9 + mu")(posterior).values).all()


def test_python_evaluates_nothing(monkeypatch: pytest.MonkeyPatch, posterior: xr.Dataset) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("eval, exec or compile was called")

    parse = ast.parse
    trees = {text: parse(text, mode="eval") for text in VALUES if not {"`", "\n"} & set(text)}
    monkeypatch.setattr(ast, "parse", lambda source, mode="exec": trees[source])
    for name in ("eval", "exec", "compile"):
        monkeypatch.setattr(builtins, name, refuse)

    for text in trees:
        Expression(text)(posterior)


def test_names_are_checked_against_the_model_before_it_is_sampled() -> None:
    with pm.Model(coords={"g": ["a", "b"]}) as model:
        tau = pm.HalfNormal("tau", 1)
        theta = pm.Normal("theta", 0, tau, dims="g")
        pm.Deterministic("twice", 2 * theta)
        pm.Normal("y", theta, 1, observed=[1.0, 2.0], dims="g")

    check_expressions({"q": Expression("theta['a'] + max(twice) + tau")}, model, boolean=False)
    for text, said in {
        "theta['c']": "selects g 'c'",
        "twice[2]": "selects twice_dim_0 '2'",
        "tow": "names tow",
        "y": "names y",
    }.items():
        with pytest.raises(SpecError, match=said.replace("[", r"\[")):
            check_expressions({"q": Expression(text)}, model, boolean=False)
    with pytest.raises(SpecError, match="is a number, not true or false"):
        check_expressions({"d": Expression("tau")}, model, boolean=True)
