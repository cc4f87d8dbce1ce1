"""The module Sample Data, as far as other modules list data in it."""

from types import SimpleNamespace

import slicer


class SampleDataLogic:
    """Keeps `slicer.modules.sampleDataSources`: sources by category."""

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

    def downloadSamples(self, name: str) -> list:
        """KeyError: nobody listed it. Nothing is ever downloaded here: the source makes its nodes."""
        source = self.sourceForSampleName(name)
        if source is None:
            raise KeyError(f"no sample data is called {name}")
        return source.customDownloader(source)

    def downloadSample(self, name: str):
        return self.downloadSamples(name)[0]


def downloadSample(name: str):
    return SampleDataLogic().downloadSample(name)


def downloadSamples(name: str) -> list:
    return SampleDataLogic().downloadSamples(name)


def _named(name: str) -> dict:
    if not hasattr(slicer.modules, name):
        setattr(slicer.modules, name, {})
    return getattr(slicer.modules, name)
