"""`reactkd-train preprocess`."""

from collections import Counter
from pathlib import Path

from ..cohorts.manifest import read_manifest
from .cache import build_cache
from .cache_settings import CacheSettings

MEGABYTE = 1e6


def preprocess_cohort(
    manifest: Path, out: Path = Path("cache"), settings: CacheSettings | None = None, jobs: int = 1
) -> None:
    """Preprocesses a cohort's cases into a folder; run again, it makes only what is missing, damaged or outdated.

    Args:
        manifest: the CSV; grades may be missing.
        out: the cache's folder.
        settings: grid, dose levels and seed.
        jobs: processes side by side.
    """
    cohort = read_manifest(manifest, allow_unlabelled=True)
    cache = build_cache(cohort, Path(out), settings or CacheSettings(), jobs)
    print(f"{out}: {len(cache.names)} cases, {cache.bytes / MEGABYTE:.1f} MB")
    findings = Counter(code for name in cache.names for code in set(cache.findings(name)))
    for code, count in sorted(findings.items()):
        print(f"finding: {code} in {count} case{'s' if count > 1 else ''}")
