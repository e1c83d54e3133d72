"""Plan memory and cost of serving a model: Step-3's cost model and published configurations."""
