# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A first review: eight schools
#
# Eight schools ran a coaching programme for the SAT (Rubin 1981). Each reports an effect with a
# known standard error. Should a school trust its own number, or the average of all eight? A
# hierarchical model answers *something in between*; a review says how far in between, who
# decided that, and whether it would hold under another prior.

# %%
from pathlib import Path

import poolwise
from poolwise.workflow.specs.loading import load_specs

HERE = Path("models") if Path("models").exists() else Path("tutorials/models")
spec = load_specs(str(HERE / "eight_schools.py"))[0]
print(spec.source)

# %% [markdown]
# The review runs four stages: simulate from the prior, fit, simulate from the posterior, fit
# again under other priors. Finished stages are kept: running the cell again samples nothing.

# %%
review = poolwise.review(spec, output="poolwise_runs/tutorial")
review

# %% [markdown]
# ## What needs attention
#
# Every finding is a frozen record with the number it was judged on and the threshold. `poolwise
# explain SEN501` (or `REGISTRY["SEN501"].section(...)`) says what it asks and what to do.

# %%
for finding in review.findings:
    if finding.verdict in ("warn", "fail", "inconclusive"):
        print(f"{finding.code}  {finding.verdict:12}  {finding.message}")

# %% [markdown]
# ## How strongly are schools pooled?
#
# A school's estimate is `w` times its own number plus `1 - w` times the population mean. With a
# known standard error, `w = tau² / (tau² + sigma²)`: it is set by the spread between schools,
# `tau`, and the noise. Eight schools say little about `tau`, so `w` is uncertain too.

# %%
pooling = review.record.evidence.get("pooling")["school"]
for school, mean, low, high in zip(
    pooling.groups, pooling.weight_mean, pooling.weight_low, pooling.weight_high, strict=True
):
    print(f"school {school}: weight on own data {mean:.2f} (89% interval {low:.2f} to {high:.2f})")
print(f"the data removed {pooling.contraction:.0%} of the prior variance of log tau")

# %% [markdown]
# ## Where does the uncertainty come from?
#
# The split into what more data would remove (epistemic) and what they would not (aleatory)
# depends on what is predicted, so every number names its target.

# %%
for target in review.record.evidence.get("uncertainty")["school"]:
    print(f"{target.target}: {target.total:.0f} points², {target.epistemic_share:.0%} epistemic")
    if target.heavy_tailed:
        print(f"    in medians, because {target.heavy_tailed}")

# %% [markdown]
# The full report is one HTML file; the draws are an ArviZ-readable DataTree.

# %%
print(review.report)
list(review.data.children)
