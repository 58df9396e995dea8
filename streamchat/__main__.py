"""`python -m streamchat`."""

from streamchat.cli import main

main()
