"""The registry as a page of documentation: what each audit tests, assumes, and is known to get wrong."""

from __future__ import annotations

from audits.audit import REGISTRY, Audit


def markdown() -> str:
    """A short section for each audit, in the order of their ids."""
    return "\n\n".join(_section(REGISTRY[name]) for name in sorted(REGISTRY)) + "\n"


def _section(entry: Audit) -> str:
    return "\n".join(
        (
            f"### {entry.title}",
            "",
            f"`{entry.id}`, grade {entry.grade}, looks at {', '.join(f'`{need}`' for need in entry.needs) or 'any table'}.",
            "",
            f"**Null hypothesis.** {entry.null_hypothesis}",
            "",
            f"**Assumes.** {' '.join(entry.assumptions)}",
            "",
            f"**Innocent explanations.** {' '.join(entry.innocent_explanations)}",
            "",
            f"**Pitfalls.** {' '.join(entry.pitfalls)}",
            "",
            f"**Source.** {entry.citation}",
        )
    )
