"""A PostgreSQL for one test run: in a temporary folder, without fsync, stopped at the end."""

from pathlib import Path

from yikatong.database.cluster import Cluster


def start_ephemeral_cluster(folder: Path) -> Cluster:
    """Start a server in ``folder`` (made if missing; every folder above it must be open to others when root runs this)."""
    cluster = Cluster(folder, durable=False)
    cluster.start()
    return cluster
