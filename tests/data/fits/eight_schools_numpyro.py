# mypy: ignore-errors
"""Fits eight schools with NumPyro and writes eight_schools_numpyro.nc, as ArviZ lays it out.

Run once, outside the project's environment (NumPyro 0.22.0, JAX 0.12.0.1, ArviZ-base 1.3.1, CPU):
python eight_schools_numpyro.py
"""

from pathlib import Path

import arviz_base as az
import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
import xarray as xr
from numpyro.infer import MCMC, NUTS, Predictive

SCHOOLS = list("ABCDEFGH")
Y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
SIGMA = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def eight_schools(sigma, y=None):
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(5))
    with numpyro.plate("schools", len(sigma)):
        z = numpyro.sample("z", dist.Normal(0, 1))
        theta = numpyro.deterministic("theta", mu + tau * z)
        numpyro.sample("y", dist.Normal(theta, sigma), obs=y)


numpyro.enable_x64()
numpyro.set_host_device_count(4)
fit = MCMC(
    NUTS(eight_schools, target_accept_prob=0.95),
    num_warmup=1000,
    num_samples=4200,
    num_chains=4,
    thinning=12,
    progress_bar=False,
)
fit.run(jax.random.key(20261122), SIGMA, Y, extra_fields=("diverging", "energy", "num_steps"))
simulated = Predictive(eight_schools, fit.get_samples())(jax.random.key(1), SIGMA)
tree = az.from_numpyro(
    fit,
    posterior_predictive={"y": simulated["y"]},
    constant_data={"sigma": SIGMA},
    log_likelihood=True,
    coords={"school": SCHOOLS},
    dims={"theta": ["school"], "z": ["school"], "y": ["school"], "sigma": ["school"]},
)
drawn = tree["posterior"].to_dataset()
tree["log_prior"] = xr.Dataset(
    {
        name: (("chain", "draw"), np.asarray(prior.log_prob(drawn[name].values)))
        for name, prior in {"mu": dist.Normal(0, 5), "tau": dist.HalfCauchy(5)}.items()
    },
    coords={d: drawn[d].values for d in ("chain", "draw")},
)
for group in tree.children:
    data = (
        tree[group]
        .to_dataset()
        .map(lambda v: v.astype("float32") if v.dtype == "float64" else v, keep_attrs=True)
    )
    data.attrs = {k: str(v) for k, v in data.attrs.items()}
    tree[group] = data
print(tree)
smallest = {
    f"{group}/{name}": {"zlib": True, "complevel": 9}
    for group in tree.children
    for name in tree[group].data_vars
}
encoding = {
    f"/{group}": {k.split("/")[1]: v for k, v in smallest.items() if k.startswith(f"{group}/")}
    for group in tree.children
}
tree.to_netcdf(Path(__file__).with_suffix(".nc"), engine="h5netcdf", encoding=encoding)
