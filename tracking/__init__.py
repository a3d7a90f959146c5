"""Detections to tracks: SORT, ByteTrack and the MOT file format."""
