"""Where results go: annotated video, MOT tracks, counts and the summary."""
