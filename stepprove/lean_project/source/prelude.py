"""Lean text that lets core Lean read statements written for Mathlib, where they name nothing of Mathlib but ℕ and ℤ.

Only notation and empty namespaces: nothing is defined, so a statement that elaborates means what it says in core Lean. It takes
the place of a file's imports; what else the file's header opens must exist, hence the namespaces.
"""

from __future__ import annotations

PRELUDE = """\
notation "ℕ" => Nat
notation "ℤ" => Int
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
