"""Traces of requests, by OpenTelemetry; nothing of it is loaded unless traces are asked for."""
