"""Requests and answers, as they stand in the OpenAPI document."""
