"""HTTP itself: errors as problem documents, limits, the request log, the pool, the OpenAPI document."""
