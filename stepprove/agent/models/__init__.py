"""Language models as provers: tool-integrated reasoning, refinement, and the policy that runs a model beside the search."""
