"""Call knowledge: what the calls, classes and attributes of torch, Hugging Face, numpy and others mean."""
