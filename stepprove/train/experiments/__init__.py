"""Experiments that measure what each training stage adds."""
