"""A film of no pictures: the boxes with which every MP4 begins, enough to be told from other files."""

TINY_MP4 = (
    (24).to_bytes(4)
    + b"ftypisom"
    + (512).to_bytes(4)
    + b"isomiso2"
    + (8).to_bytes(4)
    + b"free"
    + (8).to_bytes(4)
    + b"mdat"
)
