"""Systems that a retriever is compared with."""
