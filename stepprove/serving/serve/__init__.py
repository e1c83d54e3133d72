"""Starting and serving a language model: vLLM, or the CPU."""
