"""The module Sample Data, as far as other modules list data in it."""

from types import SimpleNamespace

import slicer


class SampleDataLogic:
    """Keeps `slicer.modules.sampleDataSources`: sources by category.

    A button of the module calls its source's `customDownloader` with the source. The application's `downloadSamples`
    does not, it only fetches addresses; so it is not here.
    """

    @staticmethod
    def registerCustomSampleDataCategory(category: str, title: str) -> None:
        _named("sampleDataSourceCategories")[category] = {"title": title}

    @staticmethod
    def registerCustomSampleDataSource(
        category="Custom",
        sampleName=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileTypes=None,
        loadFiles=None,
        loadFileProperties=None,
        checksums=None,
    ) -> None:
        source = SimpleNamespace(**{name: value for name, value in locals().items() if name != "category"})
        sources = _named("sampleDataSources").setdefault(category, [])
        if source not in sources:
            sources.append(source)

    def sourceForSampleName(self, name: str):
        sources = [source for sources in _named("sampleDataSources").values() for source in sources]
        return next((source for source in sources if source.sampleName == name), None)


def _named(name: str) -> dict:
    if not hasattr(slicer.modules, name):
        setattr(slicer.modules, name, {})
    return getattr(slicer.modules, name)
