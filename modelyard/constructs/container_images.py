"""The images of a folder of folders, each made when it is first asked for."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from constructs import Construct

from modelyard.constructs.container_image import ContainerImage
from modelyard.constructs.image_builder import ImageBuilder
from modelyard.constructs.image_variants import Variant, variant_of, variants_of
from modelyard.image_folders import CONTAINERS, image_folders


class ContainerImages:
    """Makes the image of a folder when it is first read, with the repositories of the folder's other variants.

    So none is built that nobody runs; and the repositories of variants that a project ran before, or runs again, hold
    what approved versions run on.

    Args:
        scope: of the images.
        builder: builds them.
        folder: folder of images' folders of your own; of equal names they win over the library's. Default: only the
            library's.
        namespace: goes before the images' names. Default: nothing.
        retain: whether repositories and images outlive the stack. Default: they do.
        adopt: whether to refer to the repositories that an earlier deployment retained. Default: make them.
        pulled_from: other accounts whose roles of the platform may pull the images. Default: none.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        builder: ImageBuilder,
        folder: Path = CONTAINERS,
        namespace: str = "",
        retain: bool = True,
        adopt: bool = False,
        pulled_from: Sequence[str] = (),
    ) -> None:
        self._scope = scope
        self._builder = builder
        self._namespace = namespace
        self._retain = retain
        self._adopt = adopt
        self._pulled_from = pulled_from
        self.folders = image_folders(folder)
        self._images: dict[str, dict[str, ContainerImage]] = {}

    def suitable(self, *, accelerated: bool) -> Mapping[str, ContainerImage]:
        """The images by folder: of a folder with variants the one for instances with accelerators, or without.

        Raises:
            ConfigurationError: on reading an image whose `variants.json` is wrong.
        """
        return _Suitable(self, accelerated)

    def made(self) -> list[ContainerImage]:
        """Those that were made so far."""
        return [image for variants in self._images.values() for image in variants.values()]

    def image(self, folder: str, accelerated: bool) -> ContainerImage:
        """One of them."""
        path = self.folders[folder]
        if folder not in self._images:
            self._images[folder] = {variant.name: self._variant(path, variant) for variant in variants_of(path)}
        return self._images[folder][variant_of(path, accelerated=accelerated).name]

    def _variant(self, folder: Path, variant: Variant) -> ContainerImage:
        return ContainerImage(
            self._scope,
            folder.name.capitalize() + variant.name.capitalize(),
            folder=folder,
            builder=self._builder,
            variant=variant.name,
            build_args=variant.build_args,
            namespace=self._namespace,
            build=False,
            retain=self._retain,
            adopt=self._adopt,
            pulled_from=self._pulled_from,
        )


class _Suitable(Mapping[str, ContainerImage]):
    """Makes an image when it is first read."""

    def __init__(self, images: ContainerImages, accelerated: bool) -> None:
        self._images = images
        self._accelerated = accelerated

    def __getitem__(self, folder: str) -> ContainerImage:
        return self._images.image(folder, self._accelerated)

    def __contains__(self, folder: object) -> bool:
        return folder in self._images.folders

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._images.folders))

    def __len__(self) -> int:
        return len(self._images.folders)
