"""Requests and answers, as in the OpenAPI document."""
