"""From text to an index: encoding in resumable shards, then dense and token vectors."""
