"""The tables of ``docs/policy.md``, made from the policy itself.

``python -m gateway.policy.policy_docs`` writes them anew between the file's markers; a test compares, and
another holds what a running gateway answers against them.
"""

from __future__ import annotations

from pathlib import Path

from gateway.policy.engine import Policy
from gateway.policy.roles import ROLES
from resolvers.viewer import Access
from schema.scopes import SCOPES

DOCS_FILE = Path(__file__).parent.parent.parent / "docs" / "policy.md"
BEGIN, END = "<!-- policy: begin -->", "<!-- policy: end -->"

MARKS = {Access.ALLOWED.value: "yes", Access.MASKED.value: "masked", Access.FORBIDDEN.value: "no"}


def policy_tables() -> str:
    """Scopes, roles, and what each role is answered for each field and mutation."""
    policy = Policy()
    lines = ["## Scopes", "", "| Scope | What it opens |", "|---|---|"]
    lines += [f"| `{scope}` | {what} |" for scope, what in SCOPES.items()]
    lines += [
        "",
        "## Roles",
        "",
        "| Role | What it is for | Personal fields | Rows | Scopes |",
        "|---|---|---|---|---|",
    ]
    for role in policy.roles.values():
        rows = "one customer" if role.settings.rows.one_customer else "all"
        scopes = (
            "all" if role.scopes == policy.scopes else " ".join(f"`{each}`" for each in sorted(role.scopes))
        )
        personal = role.personal.value.lower()
        lines.append(f"| `{role.name}` | {role.settings.description} | {personal} | {rows} | {scopes} |")
    lines += ["", "## Fields and mutations", ""]
    lines += [f"| Field or mutation | {' | '.join(ROLES)} |", f"|---|{'---|' * len(ROLES)}"]
    columns = [{key: access for key, access, _ in policy.explained(role)} for role in ROLES]
    for key in columns[0]:
        lines.append(f"| `{key}` | {' | '.join(MARKS[column[key]] for column in columns)} |")
    return "\n".join(lines)


def with_tables(text: str) -> str:
    """The document with its tables made anew. Raises ``ValueError`` where a marker is missing."""
    before, after = text.index(BEGIN) + len(BEGIN), text.index(END)
    return f"{text[:before]}\n\n{policy_tables()}\n\n{text[after:]}"


if __name__ == "__main__":
    DOCS_FILE.write_text(with_tables(DOCS_FILE.read_text(encoding="utf-8")), encoding="utf-8")
