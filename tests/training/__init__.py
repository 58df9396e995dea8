"""How the adapter of the embedded model was made: python -m tests.training FILE

Needs torch, transformers, accelerate and gguf, which nothing else here does. The adapter in the
package was trained for 80 minutes on two cores without a GPU, in two runs: the second went on with
what the first had learned, and had half as many of the plain sums and of the talk.
"""
