"""What an index holds, as other search engines take it: OpenSearch, Elasticsearch, Qdrant, Milvus, Vespa, Lance."""
