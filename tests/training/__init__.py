"""How the adapters of the embedded models were made: python -m tests.training FILE

Needs torch, transformers, accelerate and gguf, which nothing else here does. The adapters in the
package were trained on two cores without a GPU, that of `local-large` for an hour, and that of
`local` for more than three, in several runs that went on with one another: two hours with a rank of
4, where it stopped to improve, and the rest with one of 16. The later ones had fewer of the plain
sums and of the talk.
"""
