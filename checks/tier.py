"""How deep a review looks: the linter only, the prior as well, or everything."""

from __future__ import annotations

from enum import StrEnum


class Tier(StrEnum):
    """How much of a review is run.

    A tier that leaves stages out knows less, and says so: what it did not ask is ``skipped`` with
    the tier as the reason, and its headline never calls a model usable.
    """

    LINT = "lint"
    PRIOR = "prior"
    FULL = "full"
    DRAWS = "draws"
    """Not asked for: a fit that was made elsewhere has no model to look at."""

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages that are run."""
        prior = ("prior predictive",)
        rest = ("fit", "posterior predictive", "hierarchy", "prior sensitivity")
        return {Tier.LINT: (), Tier.PRIOR: prior, Tier.FULL: prior + rest, Tier.DRAWS: ()}[self]

    @property
    def left_out(self) -> str:
        """What was not done, as a clause; empty when everything was."""
        return {
            Tier.LINT: "nothing was simulated or fitted",
            Tier.PRIOR: "nothing was fitted",
            Tier.FULL: "",
            Tier.DRAWS: "only draws were reviewed",
        }[self]

    @property
    def not_known(self) -> str:
        """What therefore is not known, as a sentence; empty when everything was asked."""
        after = (
            "whether the sampler converges, the model reproduces the data, and other priors change "
            "the conclusions"
        )
        return {
            Tier.LINT: "Only the linter ran (tier lint): what the prior implies, "
            f"{after} is not known.",
            Tier.PRIOR: "Only the linter and the prior predictive stage ran (tier prior): "
            f"{after} is not known.",
            Tier.FULL: "",
            Tier.DRAWS: "Only draws that were made elsewhere were reviewed: without the model, the "
            "spec is not linted and other priors are not fitted.",
        }[self]

    @property
    def why_skipped(self) -> str:
        """Why a stage was left out."""
        return f"tier {self.value}: {self.left_out}; ask with --tier full"


#: Tiers that may be asked for.
ASKABLE = (Tier.LINT, Tier.PRIOR, Tier.FULL)
