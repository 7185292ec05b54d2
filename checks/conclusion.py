"""What a whole review concludes: one word, one sentence, counts and an exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .finding import SEVERITY, Finding, Verdict
from .words import counted, listed


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The verdict of a review.

    Attributes
    ----------
    verdict : Verdict
        The one that decides: error, fail, warn, inconclusive or pass.
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

        With ``fail_on="warn"`` warnings and undecided questions count as failed too.
        """
        if self.counts[Verdict.ERROR]:
            return 2
        failing = [Verdict.FAIL]
        if fail_on == "warn":
            failing += [Verdict.WARN, Verdict.INCONCLUSIVE]
        return int(any(self.counts[v] for v in failing))


def conclude(findings: Sequence[Finding]) -> Conclusion:
    """Sum up the findings of a review."""
    tally = Counter(f.verdict for f in findings)
    counts = {v.value: tally[v] for v in SEVERITY}
    failed = [f for f in findings if f.verdict is Verdict.FAIL]
    unsampled = [f for f in failed if f.code.startswith("SMP")]
    if tally[Verdict.ERROR]:
        verdict, headline = Verdict.ERROR, "Not finished"
    elif unsampled:
        verdict, headline = Verdict.FAIL, "Not to be believed: the sampler failed"
    elif failed:
        verdict, headline = (
            Verdict.FAIL,
            f"Not usable as it stands: {counted(len(failed), 'check')} failed",
        )
    elif tally[Verdict.WARN]:
        verdict, headline = Verdict.WARN, f"Usable, with {counted(tally[Verdict.WARN], 'warning')}"
    elif tally[Verdict.INCONCLUSIVE]:
        verdict, headline = (
            Verdict.INCONCLUSIVE,
            f"Usable, with {counted(tally[Verdict.INCONCLUSIVE], 'open question')}",
        )
    elif tally[Verdict.PASS]:
        verdict, headline = Verdict.PASS, "Usable"
    else:
        verdict, headline = Verdict.INCONCLUSIVE, "Nothing could be judged"
    return Conclusion(verdict, headline, _sentence(findings), counts)


def _sentence(findings: Sequence[Finding]) -> str:
    clauses = [
        *_errors(findings),
        *_faults(findings),
        _sampler(findings),
        _fit_to_data(findings),
        *_pooling(findings),
        *_sensitivity(findings),
        *_open(findings),
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
    if flips:
        what = listed([f"“{f.where}”" for f in flips])
        return [f"The decision on {what} flips under another prior."]
    if shifts:
        what = listed([f.where for f in shifts])
        decided = any(f.code == "SEN504" for f in swept)
        held = "; no declared decision flips" if decided else ""
        return [f"Other priors on {what} move an answer{held}."]
    if swept:
        return ["No alternative prior that was tried changes a conclusion."]
    return []


def _open(findings: Sequence[Finding]) -> list[str]:
    undecided = [f for f in findings if f.verdict is Verdict.INCONCLUSIVE and not f.untrusted]
    if not undecided:
        return []
    return [f"{counted(len(undecided), 'question')} could not be decided."]
