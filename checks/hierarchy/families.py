"""What is known of families of distributions: names of their parameters, and where they live."""

from __future__ import annotations

from enum import StrEnum


class Support(StrEnum):
    """Where a random variable takes its values."""

    REAL = "real"
    POSITIVE = "positive"
    UNIT = "unit interval"
    BOUNDED = "bounded interval"
    DISCRETE = "discrete"
    SIMPLEX = "simplex"
    COVARIANCE = "covariance or correlation matrix"


#: Names of the parameters of each family, in the canonical order of its op: ``Exponential`` and
#: ``Gamma`` hold a scale (1/rate), ``NegativeBinomial`` holds (n, p).
PARAMETERS: dict[str, tuple[str, ...]] = {
    "AR": ("rho", "scale", "init", "steps"),
    "AsymmetricLaplace": ("b", "kappa", "loc"),
    "Bernoulli": ("p",),
    "Beta": ("a", "b"),
    "BetaBinomial": ("n", "a", "b"),
    "Binomial": ("n", "p"),
    "CAR": ("loc", "W", "alpha", "precision"),
    "Categorical": ("p",),
    "Cauchy": ("loc", "scale"),
    "Censored": ("base", "lower", "upper"),
    "DiracDelta": ("loc",),
    "Dirichlet": ("a",),
    "DirichletMultinomial": ("n", "a"),
    "DiscreteUniform": ("lower", "upper"),
    "ExGaussian": ("loc", "scale", "rate"),
    "Exponential": ("scale",),
    "Gamma": ("shape", "scale"),
    "Geometric": ("p",),
    "Gumbel": ("loc", "scale"),
    "HalfCauchy": ("scale",),
    "HalfNormal": ("loc", "scale"),
    "HalfStudentT": ("df", "scale"),
    "Hurdle": ("weights",),
    "ICAR": ("W", "scale", "zero_sum_stdev"),
    "InverseGamma": ("shape", "scale"),
    "Kumaraswamy": ("a", "b"),
    "Laplace": ("loc", "scale"),
    "_lkjcholeskycov": ("n", "eta", "sd_dist"),
    "LKJCorr": ("n", "eta"),
    "Logistic": ("loc", "scale"),
    "LogNormal": ("loc", "scale"),
    "MatrixNormal": ("loc", "row cov", "column cov"),
    "Mixture": ("weights",),
    "Moyal": ("loc", "scale"),
    "Multinomial": ("n", "p"),
    "MultivariateNormal": ("loc", "cov"),
    "MvStudentT": ("df", "loc", "cov"),
    "NegativeBinomial": ("n", "p"),
    "Normal": ("loc", "scale"),
    "Poisson": ("mean",),
    "PrecisionMultivariateNormal": ("loc", "precision"),
    "RandomWalk": ("init", "innovation", "steps"),
    "SkewNormal": ("loc", "scale", "shape"),
    "SkewStudentT": ("a", "b", "loc", "scale"),
    "StickBreakingWeights": ("concentration", "K"),
    "StudentT": ("df", "loc", "scale"),
    "Triangular": ("lower", "mode", "upper"),
    "Truncated": ("base", "lower", "upper"),
    "TruncatedNormal": ("loc", "scale", "lower", "upper"),
    "Uniform": ("lower", "upper"),
    "VonMises": ("loc", "concentration"),
    "Wald": ("mean", "rate", "shift"),
    "Weibull": ("shape", "scale"),
    "Wishart": ("df", "cov"),
    "ZeroSumNormal": ("scale", "support_shape"),
}

FAMILY_SUPPORT = {
    **dict.fromkeys(
        [
            "ChiSquared",
            "Exponential",
            "Gamma",
            "HalfCauchy",
            "HalfFlat",
            "HalfNormal",
            "HalfStudentT",
            "InverseGamma",
            "LogNormal",
            "Pareto",
            "Wald",
            "Weibull",
        ],
        Support.POSITIVE,
    ),
    **dict.fromkeys(["Beta", "Kumaraswamy", "LogitNormal"], Support.UNIT),
    **dict.fromkeys(["LKJCorr", "Wishart", "_lkjcholeskycov"], Support.COVARIANCE),
    "Dirichlet": Support.SIMPLEX,
}

TRANSFORM_SUPPORT = {
    "LogTransform": Support.POSITIVE,
    "LogExpM1": Support.POSITIVE,
    "LogOddsTransform": Support.UNIT,
    "SimplexTransform": Support.SIMPLEX,
}
