"""Datasets for formalizers: knowledge, reasoning, decontamination."""
