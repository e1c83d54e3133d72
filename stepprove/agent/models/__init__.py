"""Language models as provers: tool-integrated reasoning, refinement, and the policy that runs them beside the search."""
