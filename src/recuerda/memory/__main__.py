"""The process that probes and rebuilds the vector store: see `mend`."""

from recuerda.memory.mend import main

main()
