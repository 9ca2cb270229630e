"""`python -m recuerda`."""

from recuerda.cli import main

main()
