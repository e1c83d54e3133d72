"""The headers of an original and a candidate: a candidate stands on the same imports."""

from __future__ import annotations

from collections import Counter

from stepprove.lean_project.source.file import SourceFile
from stepprove.lean_project.source.lexer import tokenize


def other_header(original: SourceFile, candidate: SourceFile) -> str | None:
    """How the candidate's imports differ from the original's, in one sentence; or None.

    Other imports bring other notation, instances, axioms and metaprograms. This compares text; the engine compares the modules
    that were really imported.
    """
    mine, theirs = set(original.imports), set(candidate.imports)
    if added := sorted(theirs - mine):
        return f"the candidate imports `{added[0]}`, which the original does not"
    if dropped := sorted(mine - theirs):
        return f"the candidate does not import `{dropped[0]}`, which the original does"
    if _header_words(original) != _header_words(candidate):
        return "the header of the candidate is not the original one"
    return None


def _header_words(source: SourceFile) -> Counter[str]:
    """Count the keywords of a header: `module`, `prelude`, `public`, `meta`, `all`."""
    words = Counter(t.text for t in tokenize(source.header) if t.kind == "word")
    return Counter({w: words[w] for w in ("module", "prelude", "public", "meta", "all") if words[w]})
