"""What a cancel does, in words."""

EFFECT = {
    "sqs": "chunks in progress are finished, no other chunk is begun",
    "sfn": "no other chunk is begun; those in progress end within 5 minutes (EXPRESS children) or are stopped",
}
