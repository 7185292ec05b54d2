"""What a whole review concludes: one word, one sentence, counts and an exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .finding import SEVERITY, Finding, Verdict
from .tier import Tier
from .words import ALL_HYPERPRIORS, counted, listed


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The verdict of a review.

    Attributes
    ----------
    verdict : Verdict
        The one that decides: error, fail, warn, inconclusive, expected or pass.
    headline : str
        One short phrase.
    sentence : str
        What was found, computed from the findings.
    counts : dict of str to int
        Findings by verdict, every verdict present.
    """

    verdict: Verdict
    headline: str
    sentence: str
    counts: dict[str, int]

    def exit_code(self, fail_on: str = "fail") -> int:
        """Return 0 when the review stands, 1 when checks failed, 2 when it could not be finished.

        With ``fail_on="warn"`` warnings and undecided questions count as failed too. Expected
        failures do not.
        """
        if self.counts[Verdict.ERROR]:
            return 2
        failing = [Verdict.FAIL]
        if fail_on == "warn":
            failing += [Verdict.WARN, Verdict.INCONCLUSIVE]
        return int(any(self.counts[v] for v in failing))


def conclude(findings: Sequence[Finding], tier: Tier = Tier.FULL) -> Conclusion:
    """Sum up the findings of a review, as far as its tier went."""
    tally = Counter(f.verdict for f in findings)
    counts = {v.value: tally[v] for v in SEVERITY}
    verdict = next((v for v in _DECIDING if tally[v]), Verdict.INCONCLUSIVE)
    return Conclusion(
        verdict, _headline(findings, tier, verdict), _sentence(findings, tier), counts
    )


#: Verdicts that may be the verdict of a review, the most serious first.
_DECIDING = (
    Verdict.ERROR,
    Verdict.FAIL,
    Verdict.WARN,
    Verdict.INCONCLUSIVE,
    Verdict.EXPECTED,
    Verdict.PASS,
)

#: So many quantities are counted and no longer named.
_NAMED = 4

#: What a review that stands has to say of itself, one and several.
_RESERVATIONS = {
    Verdict.WARN: "warning",
    Verdict.INCONCLUSIVE: "open question",
    Verdict.EXPECTED: "expected failure",
}


def _headline(findings: Sequence[Finding], tier: Tier, verdict: Verdict) -> str:
    tally = Counter(f.verdict for f in findings)
    unsampled = {f.verdict for f in _of(findings, "SMP") if Verdict.FAIL in (f.verdict, f.found)}
    if verdict is Verdict.ERROR:
        return "Not finished"
    if Verdict.FAIL in unsampled:
        return "Not to be believed: the sampler failed"
    if verdict is Verdict.FAIL:
        return f"Not usable as it stands: {counted(tally[verdict], 'check')} failed"
    if unsampled:
        return "Not to be believed: the sampler fails, as was expected"
    if not tally[verdict]:
        return "Nothing could be judged"
    what = counted(tally[verdict], _RESERVATIONS[verdict]) if verdict in _RESERVATIONS else ""
    if tier is not Tier.FULL:
        return f"{what or 'No fault'} so far; {tier.left_out}"
    return f"Usable, with {what}" if what else "Usable"


def _sentence(findings: Sequence[Finding], tier: Tier) -> str:
    # A failure that was expected is true all the same.
    found = [f if f.found is None else replace(f, verdict=f.found) for f in findings]
    clauses = [
        *_errors(found),
        *_faults(found),
        _sampler(found),
        _fit_to_data(found),
        *_calibration(found),
        *_pooling(found),
        *_sensitivity(found),
        *_open(found),
        tier.not_known,
    ]
    return " ".join(c for c in clauses if c)


def _of(findings: Sequence[Finding], *prefixes: str) -> list[Finding]:
    return [f for f in findings if f.code.startswith(prefixes)]


def _errors(findings: Sequence[Finding]) -> list[str]:
    return [
        f"The review stopped short: {f.message}." for f in findings if f.verdict is Verdict.ERROR
    ][:1]


def _faults(findings: Sequence[Finding]) -> list[str]:
    bad = [f for f in _of(findings, "SPC") if f.verdict in (Verdict.FAIL, Verdict.WARN)]
    if not bad:
        return []
    codes = listed(sorted({f.code for f in bad}))
    return [f"The linter found {counted(len(bad), 'fault')} in the spec ({codes})."]


def _sampler(findings: Sequence[Finding]) -> str:
    mine = _of(findings, "SMP")
    bad = [f for f in mine if f.verdict is Verdict.FAIL]
    if bad:
        return f"The sampler failed ({bad[0].message}), so nothing after it is judged."
    if any(f.verdict in (Verdict.WARN, Verdict.INCONCLUSIVE) for f in mine):
        worst = next(f for f in mine if f.verdict in (Verdict.WARN, Verdict.INCONCLUSIVE))
        return f"The sampler worked, with a reservation ({worst.message})."
    if any(f.verdict is Verdict.PASS for f in mine):
        return "The sampler converged."
    return ""


def _fit_to_data(findings: Sequence[Finding]) -> str:
    mine = [f for f in _of(findings, "PPC") if not f.untrusted]
    bad = [f for f in mine if f.verdict in (Verdict.FAIL, Verdict.WARN)]
    if any(f.verdict is Verdict.FAIL for f in bad):
        what = listed(
            [f.where or f.name.replace("_", " ") for f in bad if f.verdict is Verdict.FAIL]
        )
        return f"The model does not reproduce the data ({what})."
    if bad:
        return "The model reproduces the data, with a reservation."
    if any(f.verdict is Verdict.PASS for f in mine):
        return "The model reproduces the data."
    return ""


def _calibration(findings: Sequence[Finding]) -> list[str]:
    mine = _of(findings, "CAL901")
    bad = [f.where for f in mine if f.verdict in (Verdict.FAIL, Verdict.WARN)]
    if bad:
        what = listed(bad) if len(bad) < _NAMED else counted(len(bad), "quantity", "quantities")
        return [f"Fits to data simulated from known values do not recover them ({what})."]
    if any(f.verdict is Verdict.PASS for f in mine):
        return ["Fits to data simulated from known values recover them."]
    return []


def _pooling(findings: Sequence[Finding]) -> list[str]:
    sentences = []
    for f in _of(findings, "REG601"):
        if f.verdict is Verdict.WARN:
            sentences.append(
                f"How strongly {f.where} groups are pooled is set mainly by the prior: report it "
                "with the range over the sweep, not as a finding from the data."
            )
        elif f.verdict is Verdict.PASS:
            sentences.append(
                f"How strongly {f.where} groups are pooled was set mainly by the data."
            )
    return sentences


def _sensitivity(findings: Sequence[Finding]) -> list[str]:
    flips = [f for f in _of(findings, "SEN504") if f.verdict is Verdict.WARN]
    shifts = [f for f in _of(findings, "SEN503") if f.verdict is Verdict.WARN]
    swept = [f for f in _of(findings, "SEN503", "SEN504") if f.verdict is Verdict.PASS]
    # How much it would take for the data to decide is said where the prior decides.
    by_prior = {f.where for f in _of(findings, "REG601") if f.verdict is Verdict.WARN}
    wanted = [f for f in _of(findings, "SEN508") if f.verdict is Verdict.NOTE]
    amounts = [f"{f.result} of {f.where}" for f in wanted if f.where in by_prior]
    # Where the prior sets the pooling, that has been said.
    strong = [f for f in _of(findings, "SEN501") if f.verdict is Verdict.WARN and not by_prior]
    followed = [
        f"The data say too little to overrule the priors: {f.where} follows them." for f in strong
    ]
    needed = [f"For the data to decide, {listed(amounts)} would be needed."] if amounts else []
    if flips:
        what = listed([f"“{f.where}”" for f in flips])
        return [f"The decision on {what} flips under another prior.", *followed, *needed]
    if shifts:
        single = [f.where for f in shifts if f.where != ALL_HYPERPRIORS]
        what = listed(single or [f.where for f in shifts])
        decided = any(f.code == "SEN504" for f in swept)
        held = "; no declared decision flips" if decided else ""
        return [f"Other priors on {what} move an answer{held}.", *followed, *needed]
    if swept:
        return ["No alternative prior that was tried changes a conclusion.", *followed]
    return followed


def _open(findings: Sequence[Finding]) -> list[str]:
    undecided = [f for f in findings if f.verdict is Verdict.INCONCLUSIVE and not f.untrusted]
    if not undecided:
        return []
    return [f"{counted(len(undecided), 'question')} could not be decided."]
