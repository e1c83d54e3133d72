"""A prelude that lets core Lean read statements written for Mathlib, if they use ℕ and ℤ but nothing else of it.

It replaces a file's imports. It holds two other names and empty namespaces alone (headers open those), and defines nothing: a
statement that elaborates keeps its meaning in core Lean. Names, not Mathlib's notation: a notation is a program, which Lean would
run for every statement, and a process that ran one is replaced.
"""

from __future__ import annotations

from stepprove.lean_project.engines.engine import Engine

PRELUDE = """\
open _root_ renaming Nat → ℕ, Int → ℤ
namespace BigOperators
end BigOperators
namespace Real
end Real
namespace Topology
end Topology
namespace Rat
end Rat
namespace Polynomial
end Polynomial
namespace Finset
end Finset
namespace Filter
end Filter
namespace Complex
end Complex
"""


def prelude_for(engine: Engine) -> str | None:
    """The prelude that replaces `import Mathlib` on an engine without Mathlib; None if the engine has Mathlib."""
    return PRELUDE if engine.mathlib is None else None
