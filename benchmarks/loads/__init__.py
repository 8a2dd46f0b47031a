"""Load over HTTP: who asks, who answers, and how that is measured."""
