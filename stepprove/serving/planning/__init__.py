"""What a model takes and costs: Step-3's cost model and the published configurations."""
