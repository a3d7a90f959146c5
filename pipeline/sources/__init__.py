"""Where frames come from: video files and image sequences."""
