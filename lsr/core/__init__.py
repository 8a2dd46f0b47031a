"""What every floor may use: errors, documents, vocabulary, files, progress, the kernel decorator."""
