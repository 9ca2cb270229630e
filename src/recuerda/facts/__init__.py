"""Facts: what a customer told us, each with the words it comes from.

`profile` reads them, `record` writes them, `history` keeps what they were; `recuerda.reviews` judges them.
"""
